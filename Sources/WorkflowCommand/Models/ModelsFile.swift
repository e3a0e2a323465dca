import ExactJSON
import WorkflowLLM

/// The text of a file of models (`WF_MODELS_FILE`): the models that steps can name, and the chain of steps that name
/// none. The page Models describes it.
struct ModelsFile {
  /// What a model has that says nothing else.
  struct Defaults {
    var timeout = Duration.seconds(60)
    var temperature: Double?
  }

  /// The models, without keys; nil where something is wrong.
  private(set) var catalog: ModelCatalog?
  /// Where each model's key is, by the model's name.
  private(set) var keys: [String: ModelKey] = [:]
  /// Everything that is wrong, one sentence each, with its place.
  private(set) var faults: [String] = []

  /// The most bytes that are read.
  static let longest = 1 << 20
  /// The most models.
  private static let mostModels = 1_000

  private static let members = ["models", "default", "next_after"]
  private static let otherNames = ["model_list": "models", "fallbacks": "default", "router_settings": "next_after"]

  /// Reads a text.
  init(_ bytes: [UInt8], defaults: Defaults = Defaults()) {
    let value: JSONValue
    do { value = try JSONValue(parsing: bytes) } catch {
      faults = ["\(Self.place(of: error.offset, in: bytes)): \(Self.words(error))"]
      return
    }
    var file = MemberReader(value, at: "")
    if value.objectValue != nil {
      file.refuseOthers(Self.members, advice: Self.otherNames)
      let models = models(&file, defaults)
      let chain = Self.chain(&file, models.map(\.name))
      let succession = Self.succession(&file)
      if file.faults.isEmpty {
        catalog = ModelCatalog(models: models, defaultChain: chain)
        catalog?.succession = succession
      }
    }
    faults = file.faults
  }

  private mutating func models(_ file: inout MemberReader, _ defaults: Defaults) -> [ModelDefinition] {
    let expected = "an array of objects, one for each model,"
    guard let elements = file.array("models", expected: expected) else {
      if file["models"] == nil { file.refuse("models", "it is missing: \(expected) is expected") }
      return []
    }
    guard (1...Self.mostModels).contains(elements.count) else {
      file.refuse("models", "1 to \(Self.mostModels) models are expected, not \(elements.count)")
      return []
    }
    var places: [String: String] = [:]
    return elements.enumerated().compactMap { index, element in
      var model = MemberReader(element, at: "models[\(index)]")
      defer { file.take(model) }
      guard element.objectValue != nil else { return nil }
      let read = ModelMembers.read(&model, defaults)
      let key = ModelKey.read(&model)
      guard let definition = read else { return nil }
      if let other = places[definition.name] {
        model.refuse("name", "\(other) has the name \(definition.name), too: each model has its own")
      }
      places[definition.name] = model.path
      keys[definition.name] = key
      return definition
    }
  }

  /// The chain of steps that name no model.
  private static func chain(_ file: inout MemberReader, _ known: [String]) -> [String] {
    guard let value = file["default"] else {
      if known.count > 1 {
        file.refuse(
          "default",
          "it is missing: say which models are called, in order, where a step names none, such as [\"\(known[0])\", "
            + "\"\(known[1])\"]")
      }
      return Array(known.prefix(1))
    }
    let elements = value.arrayValue ?? [value]
    guard (1...ModelCatalog.longestChain).contains(elements.count) else {
      file.refuse("default", "1 to \(ModelCatalog.longestChain) names of models are expected, not \(elements.count)")
      return []
    }
    var chain: [String] = []
    for (index, element) in elements.enumerated() {
      let place = value.arrayValue == nil ? "default" : "default[\(index)]"
      guard let name = element.stringValue else {
        file.refuse(place, "the name of a model is expected")
        continue
      }
      if chain.contains(name) { file.refuse(place, "\(MemberReader.shown(name)) is in the chain already") }
      chain.append(name)
      // Of a model that is faulty itself nothing more is said.
      guard !known.isEmpty, !known.contains(name), !file.mentions(name) else { continue }
      let hint = EditDistance.nearest(to: name, in: known).map { "; did you mean \($0)?" } ?? ""
      file.refuse(place, "no model has the name \(MemberReader.shown(name))\(hint)")
    }
    return chain
  }

  private static func succession(_ file: inout MemberReader) -> ModelCatalog.Succession {
    var succession = ModelCatalog.Succession()
    guard var members = file.object("next_after") else { return succession }
    members.refuseOthers(["attempts", "rate_limit_s"], advice: ["num_retries": "attempts"])
    if let attempts = members.integer("attempts", in: 1...1_000) { succession.attempts = attempts }
    if let longest = members.seconds("rate_limit_s", in: 0...86_400) { succession.longestRefusal = longest }
    file.take(members)
    return succession
  }

  // MARK: Malformed JSON

  private static func words(_ error: JSONError) -> String {
    // The offset says less than line and column.
    let text = error.description
    guard let at = text.firstRange(of: " at byte ") else { return text }
    return String(text[..<at.lowerBound])
  }

  private static func place(of offset: Int, in bytes: [UInt8]) -> String {
    let before = bytes.prefix(offset)
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    return "line \(line), column \(String(decoding: before[start...], as: UTF8.self).unicodeScalars.count + 1)"
  }
}

extension MemberReader {
  /// Whether a model of the file has a name, whatever else is wrong with it.
  fileprivate func mentions(_ name: String) -> Bool {
    self["models"]?.arrayValue?.contains { $0.objectValue?["name"] == .string(name) } == true
  }
}
