import ExactJSON

/// What a provider has said in answer to one request, gathered from an answer in one piece or from the events of a
/// stream. What of it is an answer, `CompletionReader` decides.
struct Completion {
  /// The text, reasoning that has leaked into it included.
  private(set) var text = ""
  /// What was added to the text since `startEvent`.
  private(set) var newText = ""
  private(set) var refusal = ""
  /// The provider's word for the end of the text; with it the wire's end mark has come.
  private(set) var finishReason: String?
  private(set) var model: String?
  private(set) var usage = JSONValue.null
  /// The error beside or instead of an answer.
  private(set) var error: JSONValue?
  /// Whether the member came in which answers are, or an event that belongs to one.
  var hasContent = false
  var hasReasoning = false
  var callsTools = false
  /// Whether nothing more can come that counts.
  var isFinal = false
  private var isStreamed = false

  /// Whether no later count can come: the answer came in one piece, or its end mark did.
  var hasLastCount: Bool { !isStreamed || finishReason != nil }

  /// Whether nothing of an answer came.
  var isUntouched: Bool { !hasContent && !hasReasoning && byteCount == 0 && usage == .null }

  /// The size of the texts, in bytes.
  var byteCount: Int { text.utf8.count + refusal.utf8.count }

  /// Adds a whole answer.
  mutating func take(answer value: JSONValue, of format: any WireFormat) {
    guard let body = Self.body(value), !takeError(in: body) else { return }
    format.read(body, into: &self)
  }

  /// Adds an event of a stream.
  mutating func take(event value: JSONValue, of format: any WireFormat) {
    (newText, isStreamed) = ("", true)
    guard let body = Self.body(value), !takeError(in: body) else { return }
    format.read(event: body, into: &self)
  }

  /// Adds an event of a stream that adds to the text alone.
  mutating func take(addition piece: String) {
    (newText, isStreamed, hasContent) = ("", true, true)
    if !piece.isEmpty { add(text: piece) }
  }

  /// Some gateways send an array that contains one error or answer.
  private static func body(_ value: JSONValue) -> JSONObject? { (value.arrayValue?.first ?? value).objectValue }

  // MARK: What wires have read

  mutating func add(text piece: String) {
    text += piece
    newText = newText.isEmpty ? piece : newText + piece
  }

  mutating func add(refusal piece: String) { refusal += piece }

  /// Adds the texts of a content: one text, or the joined parts of type `text`; parts of other types are reasoning. One
  /// part may lack its list.
  mutating func add(content: JSONValue?) {
    switch content {
    case .string(let piece): if !piece.isEmpty { add(text: piece) }
    case .array(let parts): for part in parts { add(part: part) }
    case .object(let part): add(part: .object(part))
    default: break
    }
  }

  private mutating func add(part: JSONValue) {
    if let piece = part.stringValue { return add(text: piece) }
    guard let part = part.objectValue else { return }
    if ["text", "output_text"].contains(part["type"]?.stringValue ?? "text") {
      if let piece = part["text"]?.stringValue { add(text: piece) }
    } else {
      hasReasoning = hasReasoning || part["type"] == "thinking"
    }
  }

  /// Takes the end mark.
  mutating func end(_ reason: String) { finishReason = reason }

  /// Takes the model's name, unless it is missing: cut, on one line, and the file's name if it is a path.
  mutating func take(model name: JSONValue?) {
    guard model == nil || name?.stringValue != lastName else { return }
    guard let name = name?.stringValue, !name.isEmpty else { return }
    lastName = name
    let last = name.hasPrefix("/") ? name.split(separator: "/").last.map { String($0) } ?? name : name
    let scalars = last.unicodeScalars.prefix(Self.longestName).filter { $0.properties.generalCategory != .control }
    if !scalars.isEmpty { model = String(String.UnicodeScalarView(scalars)) }
  }

  private var lastName: String?
  private static let longestName = 200  // scalars

  // MARK: Counts

  /// Takes a count in place of the last one, unless it is missing.
  mutating func take(usage value: JSONValue?) {
    if let counts = value.flatMap({ Self.counts(in: $0, depth: 3) }), counts != .null { usage = counts }
  }

  /// Adds the members of a count to the last one; a zero replaces none.
  mutating func merge(usage value: JSONValue?) {
    guard let counts = value.flatMap({ Self.counts(in: $0, depth: 3) })?.objectValue else { return }
    var merged = usage.objectValue ?? JSONObject()
    for member in counts.members where member.value != .null {
      if let known = merged[member.key], known != .null, member.value.numberValue?.double == 0 { continue }
      merged[member.key] = member.value
    }
    usage = .object(merged)
  }

  /// The counts of the provider's usage: numbers with plain names. Texts, which may contain anything, are omitted.
  private static func counts(in usage: JSONValue, depth: Int) -> JSONValue? {
    switch usage {
    case .number, .bool, .null: return usage
    case .object(let object) where depth > 0:
      let members = object.members.prefix(100).compactMap { member -> (String, JSONValue)? in
        let isPlain = member.key.utf8.count <= 64 && member.key.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
        guard isPlain, let count = counts(in: member.value, depth: depth - 1) else { return nil }
        return (member.key, count)
      }
      return .object(JSONObject(members))
    case .string, .array, .object: return nil
    }
  }

  // MARK: Errors

  /// Takes an error that came in place of a part of the answer. The first one counts.
  mutating func take(error value: JSONValue?) {
    guard error == nil, let value, Self.isError(value) else { return }
    error = value
  }

  /// An error in a body of any wire, in the shape of any: gateways send OpenAI's on all three (LiteLLM).
  private mutating func takeError(in body: JSONObject) -> Bool {
    let isOne = body["error"].map(Self.isError) == true || body["object"] == "error" || body["type"] == "error"
    guard isOne else { return false }
    error = error ?? .object(body)
    // Beside the error of an answer in one piece there may be a count.
    if let count = body["usage"] { merge(usage: count) }
    return true
  }

  /// Whether a value is an error; some servers send 0 or an empty list for none.
  private static func isError(_ value: JSONValue) -> Bool {
    switch value {
    case .null, .bool(false): false
    case .string(let text): !text.isEmpty
    case .number(let number): number.int != 0
    case .array(let values): values.contains(where: isError)
    case .object(let object): object.members.contains { isError($0.value) }
    case .bool: true
    }
  }
}
