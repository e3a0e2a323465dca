import Glibc
import WorkflowLLM

/// The models that the settings name, with their keys as far as these are there.
struct ModelSettings: Sendable {
  /// The models; nil where there is none, and the placeholder summarizes.
  private(set) var catalog: ModelCatalog?
  /// Whether they are those of a file (`WF_MODELS_FILE`).
  private(set) var isFile = false
  /// Where the keys of a file's models are, by the model's name.
  private(set) var keys: [String: ModelKey] = [:]
  /// Keys that cannot be had, by the model's name, a sentence each. Who calls no model needs none.
  private(set) var missingKeys: [String: String] = [:]

  /// The one model of the settings.
  init(_ model: ModelDefinition?) { catalog = model.map { ModelCatalog($0) } }

  /// The models of a file. What is wrong with it is a problem of the settings, unlike a key that is not there.
  init(file path: String, defaults: ModelsFile.Defaults, _ reader: inout SettingsReader) {
    isFile = true
    ModelSettings.refuseOneModel(&reader)
    let bytes: [UInt8]
    do { bytes = try ModelSettings.read(path) } catch {
      reader.refuse("WF_MODELS_FILE", "WF_MODELS_FILE\(reader.place(of: "WF_MODELS_FILE")): \(error)")
      return
    }
    let file = ModelsFile(bytes, defaults: defaults)
    for fault in file.faults { reader.refuse("WF_MODELS_FILE", "\(path): \(fault)") }
    catalog = file.catalog
    keys = file.keys
    for (index, model) in (file.catalog?.models ?? []).enumerated() {
      guard let key = file.keys[model.name] else { continue }
      switch ModelSettings.secret(key, reader) {
      case .success(let secret): catalog?.models[index].apiKey = secret
      case .failure(let missing): missingKeys[model.name] = "the key of the model \(model.name): \(missing.sentence)"
      }
    }
    refuseKeyOfOneModel(&reader)
  }

  /// Refuses to start without the keys that models need.
  func requireKeys() throws(Settings.Invalid) {
    let problems = (catalog?.models ?? []).compactMap { missingKeys[$0.name] }
    guard problems.isEmpty else { throw Settings.Invalid(problems: problems.map { "WF_MODELS_FILE: \($0)" }) }
  }

  // MARK: The file

  private static func read(_ path: String) throws -> [UInt8] {
    var status = stat()
    // A pipe without a writer would keep the process waiting.
    guard stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
      throw CommandFailure("\(path): it is no file")
    }
    return try Files.read(path, limit: ModelsFile.longest)
  }

  // MARK: The settings of one model

  /// Refuses settings beside the file that name a model, too, or say what steps may name.
  private static func refuseOneModel(_ reader: inout SettingsReader) {
    let others = [
      "WF_LLM_BASE_URL", "WF_LLM_MODEL", "WF_LLM_AUTH", "WF_LLM_TOKENS_PARAMETER", "WF_LLM_STREAM", "WF_LLM_MODELS",
    ]
    for name in others where reader.isSet(name) {
      reader.refuse(
        name,
        "\(name)\(reader.place(of: name)) and WF_MODELS_FILE exclude each other: the file says it of each model; take "
          + "one of the two away")
    }
  }

  /// The key may be one of the file's models; as the credential `llm_api_key` it may be left over.
  private func refuseKeyOfOneModel(_ reader: inout SettingsReader) {
    let name = "WF_LLM_API_KEY"
    guard reader.isSet(name), !reader.isCredential(name), !keys.values.contains(.environment(name)) else { return }
    reader.refuse(
      name,
      "\(name)\(reader.place(of: name)) is the key of none of the models of WF_MODELS_FILE: name it in api_key_env of the "
        + "model that it is for, or take it away")
  }

  // MARK: Keys

  private struct MissingKey: Error {
    let sentence: String
  }

  private static func secret(_ key: ModelKey, _ reader: SettingsReader) -> Result<String, MissingKey> {
    let text: String?
    switch key {
    case .environment(let name):
      text = Settings.trimmed(reader.variable(name))
      if text == nil { return .failure(MissingKey(sentence: "the environment variable \(name) is not set")) }
    case .credential(let name):
      guard let path = reader.credentialFile(name) else {
        return .failure(
          MissingKey(sentence: "there is no credential \(name); LoadCredential=\(name) in wf-worker loads it"))
      }
      do { text = Settings.trimmed(String(decoding: try Files.read(path, limit: 1 << 16), as: UTF8.self)) } catch {
        return .failure(MissingKey(sentence: "the credential \(name) cannot be read: \(error)"))
      }
      if text == nil { return .failure(MissingKey(sentence: "the credential \(name) is empty")) }
    }
    if let text, let fault = Settings.fault(ofKey: text) {
      return .failure(MissingKey(sentence: "\(key.description): \(fault)"))
    }
    return .success(text ?? "")
  }
}
