import Curl
import Glibc
import WorkflowLLM

extension Settings {
  /// What the settings say of one model, and of models that say nothing else.
  private struct OneModel {
    var base: String?
    var name: String?
    var key: String?
    var timeout: Duration
    var auth: Auth?
    var temperature: Double?
    var tokens: TokensParameter?
    var streams: Bool

    init(_ reader: inout SettingsReader) {
      base = reader.text("WF_LLM_BASE_URL")
      name = trimmed(reader.text("WF_LLM_MODEL"))
      key = trimmed(reader.text("WF_LLM_API_KEY", isSecret: true))
      timeout = reader.seconds("WF_LLM_TIMEOUT_S", default: 60, in: 0.1...3_600)
      auth = reader.parsed("WF_LLM_AUTH", default: "bearer", Auth.init(rawValue:), expected: "bearer or api-key")
      temperature =
        reader.parsed(
          "WF_LLM_TEMPERATURE", default: "0.2", Temperature.init, expected: "a number from 0 to 2, or none,")?.value
      tokens =
        reader.parsed(
          "WF_LLM_TOKENS_PARAMETER", default: "auto", TokensSetting.init,
          expected: "auto, max_tokens or max_completion_tokens")?.parameter
      streams = reader.integer("WF_LLM_STREAM", default: 1, in: 0...1) == 1
    }
  }

  /// The header in which the key of the one model is sent.
  private enum Auth: String {
    case bearer
    case apiKey = "api-key"

    var header: ModelDefinition.KeyHeader { self == .bearer ? .bearer : .apiKey }
  }

  /// The models that steps can call: those of a file, or the one that the settings name.
  static func models(_ reader: inout SettingsReader) -> ModelSettings {
    let path = reader.text("WF_MODELS_FILE")
    let one = OneModel(&reader)
    guard let path else { return ModelSettings(model(one, &reader)) }
    let defaults = ModelsFile.Defaults(timeout: one.timeout, temperature: one.temperature)
    return ModelSettings(file: path, defaults: defaults, &reader)
  }

  /// The model that the settings name; nil where they name none.
  private static func model(_ one: OneModel, _ reader: inout SettingsReader) -> ModelDefinition? {
    let url = one.base.flatMap { endpoint($0, &reader) }
    check(name: one.name, key: one.key, &reader)
    if one.base == nil, one.name != nil || one.key != nil {
      reader.refuse(
        "WF_LLM_BASE_URL",
        "WF_LLM_MODEL and WF_LLM_API_KEY need WF_LLM_BASE_URL, such as https://api.openai.com/v1")
    }
    if one.base != nil, one.name == nil {
      reader.refuse("WF_LLM_MODEL", "WF_LLM_BASE_URL needs WF_LLM_MODEL, the name of the model to ask for")
    }
    if url?.hasUser == true, one.key != nil, one.auth == .bearer {
      reader.refuse(
        "WF_LLM_API_KEY",
        "WF_LLM_API_KEY and a user in WF_LLM_BASE_URL exclude each other: both are an Authorization header")
    }
    guard let base = one.base, url != nil, let name = one.name else { return nil }
    var model = ModelDefinition(name: name, wire: .chatCompletions, baseURL: base, model: name)
    model.apiKey = one.key
    model.keyHeader = (one.auth ?? .bearer).header
    model.timeout = one.timeout
    model.temperature = one.temperature
    model.tokensParameter = one.tokens
    model.streams = one.streams
    return model
  }

  /// A temperature, or none: the model's own.
  private struct Temperature {
    let value: Double?

    init?(_ text: String) {
      value = text == "none" ? nil : Double(text)
      guard text == "none" || value.map({ (0...2).contains($0) }) == true else { return nil }
    }
  }

  private struct TokensSetting {
    let parameter: TokensParameter?

    init?(_ text: String) {
      parameter = TokensParameter(rawValue: text)
      guard text == "auto" || parameter != nil else { return nil }
    }
  }

  private static func endpoint(_ base: String, _ reader: inout SettingsReader) -> WireURL? {
    do {
      return try WireURL(base: base, wire: .chatCompletions)
    } catch {
      reader.refuse("WF_LLM_BASE_URL", "WF_LLM_BASE_URL=\(SettingsReader.excerpt(SecretMask.url(base))): \(error)")
      return nil
    }
  }

  /// Refuses what no call could carry.
  private static func check(name: String?, key: String?, _ reader: inout SettingsReader) {
    if let name, name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      reader.refuse("WF_LLM_MODEL", "WF_LLM_MODEL: it holds a control character")
    }
    if let key, let fault = fault(ofKey: key) { reader.refuse("WF_LLM_API_KEY", "WF_LLM_API_KEY: \(fault)") }
  }

  /// What is wrong with a key that is to be sent in a header.
  static func fault(ofKey key: String) -> String? {
    if key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) { return nil }
    let hint = key.hasPrefix("Bearer ") ? "; leave out Bearer" : ""
    return "it holds a blank, a line break or another character that no key has\(hint)"
  }

  /// A text without white space at its ends; nil for nothing else.
  static func trimmed(_ text: String?) -> String? {
    guard let text else { return nil }
    let scalars = text.unicodeScalars
    let isBlank = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
    guard let first = scalars.firstIndex(where: { !isBlank($0) }), let last = scalars.lastIndex(where: { !isBlank($0) })
    else { return nil }
    return String(scalars[first...last])
  }

  /// How model calls go out.
  var httpClientConfiguration: HTTPClientConfiguration {
    HTTPClientConfiguration(proxy: usesProxyEnvironment ? .environment : .none, authoritiesFile: authorities)
  }

  /// The file with the certificates of further authorities: of wf's own setting, or of the variables that OpenSSL and
  /// curl obey.
  /// - Parameter areNeeded: whether there is anything to call; otherwise a file that is missing stops nothing.
  static func authorities(_ reader: inout SettingsReader, areNeeded: Bool) -> String? {
    for name in ["WF_LLM_CA_FILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"] {
      guard let path = reader.text(name) else { continue }
      let text = (try? Files.read(path)).map { String(decoding: $0, as: UTF8.self) }
      if areNeeded, text?.contains("-----BEGIN") != true {
        let shown = SettingsReader.excerpt(path)
        reader.refuse(
          "WF_LLM_CA_FILE", "\(name)=\(shown): a file of certificates in PEM is expected, which wf may read")
      }
      return path
    }
    return nil
  }
}
