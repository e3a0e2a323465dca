import Curl
import ExactJSON

/// A chat completion of a provider, in one piece or as a stream that was not asked for.
///
/// Source: OpenAI API reference, "The chat completion object" and "The chat completion chunk object".
struct Completion {
  /// The text of the first choice's message; nil when there is none.
  private(set) var text: String?
  private(set) var refusal: String?
  private(set) var finishReason: String?
  private(set) var model: String?
  private(set) var usage = JSONValue.null
  /// The error beside or instead of a choice.
  private(set) var error: JSONValue?
  private(set) var hasChoice = false
  private(set) var hasReasoning = false
  private(set) var callsTools = false

  /// Creates an empty completion.
  init() {}

  /// Adds a whole answer, or the next piece of a stream.
  mutating func take(_ value: JSONValue) {
    // Some gateways send an array that contains one error.
    guard let body = (value.arrayValue?.first ?? value).objectValue else { return }
    error = error ?? Self.error(in: body)
    if let name = body["model"]?.stringValue, !name.isEmpty { model = Self.shown(name) }
    if let count = body["usage"].flatMap({ Self.counts(in: $0, depth: 3) }), count != .null { usage = count }
    let choices = body["choices"]?.arrayValue?.compactMap(\.objectValue) ?? []
    let first = choices.first { ($0["index"]?.numberValue?.int ?? 0) == 0 }
    // A whole answer may give its only choice any number; in a stream another number means another text.
    guard let choice = first ?? choices.first(where: { $0["message"] != nil }) else { return }
    hasChoice = true
    if error == nil, let own = choice["error"], Self.isError(own) { error = own }
    if let reason = choice["finish_reason"]?.stringValue { finishReason = reason }
    // Servers of the older completions protocol have the text in the choice.
    let message = choice["message"]?.objectValue ?? choice["delta"]?.objectValue
    take(message ?? choice["text"].map { ["content": $0] } ?? JSONObject())
  }

  private static let longestName = 200  // scalars

  /// A model's name, cut; if it is the path of a file, the file's name.
  private static func shown(_ name: String) -> String {
    let last = name.hasPrefix("/") ? name.split(separator: "/").last.map { String($0) } ?? name : name
    return String(String.UnicodeScalarView(last.unicodeScalars.prefix(longestName)))
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

  private mutating func take(_ message: JSONObject) {
    if let piece = Self.text(of: message["content"]) { text = (text ?? "") + piece }
    if let piece = message["refusal"]?.stringValue { refusal = (refusal ?? "") + piece }
    for name in ["reasoning_content", "reasoning"] where message[name]?.stringValue?.isEmpty == false {
      hasReasoning = true
    }
    callsTools = callsTools || !(message["tool_calls"]?.arrayValue ?? []).isEmpty
  }

  /// The content, or its parts of type `text` joined; parts of other types are reasoning. One part may lack its list.
  private static func text(of content: JSONValue?) -> String? {
    if let text = content?.stringValue { return text }
    guard let parts = content?.arrayValue ?? content?.objectValue.map({ [.object($0)] }) else { return nil }
    let texts = parts.compactMap { part -> String? in
      guard let object = part.objectValue else { return part.stringValue }
      let type = object["type"]?.stringValue ?? "text"
      return ["text", "output_text"].contains(type) ? object["text"]?.stringValue : nil
    }
    return texts.isEmpty ? nil : texts.joined()
  }

  private static func error(in body: JSONObject) -> JSONValue? {
    if let error = body["error"], isError(error) { return .object(body) }
    for name in ["object", "type"] where body[name] == "error" { return .object(body) }
    return Optional.none
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
