import Curl
import ExactJSON

/// A chat completion as the provider sent it: in one piece, or as a stream of pieces although none was asked for.
///
/// Source: OpenAI API reference, "The chat completion object" and "The chat completion chunk object".
struct Completion {
  /// The text of the first choice's message; nil when there is none.
  private(set) var text: String?
  private(set) var refusal: String?
  private(set) var finishReason: String?
  private(set) var model: String?
  private(set) var usage = JSONValue.null
  /// The error that stands beside or in place of a choice.
  private(set) var error: JSONValue?
  private(set) var hasChoice = false
  private(set) var hasReasoning = false
  private(set) var callsTools = false

  /// A completion of which nothing is known yet.
  init() {}

  /// Takes an answer in one piece, or the next piece of a stream.
  mutating func take(_ value: JSONValue) {
    // Some gateways send an array with one error in it.
    guard let body = (value.arrayValue?.first ?? value).objectValue else { return }
    error = error ?? Completion.error(in: body)
    if let name = body["model"]?.stringValue, !name.isEmpty { model = Completion.shown(name) }
    if let count = body["usage"].flatMap({ Completion.counts(in: $0, depth: 3) }), count != .null { usage = count }
    let choices = body["choices"]?.arrayValue?.compactMap(\.objectValue) ?? []
    let first = choices.first { ($0["index"]?.numberValue?.int ?? 0) == 0 }
    // A whole answer may number its only choice as it likes; in a stream another number is another text.
    guard let choice = first ?? choices.first(where: { $0["message"] != nil }) else { return }
    hasChoice = true
    if error == nil, let own = choice["error"], Completion.isError(own) { error = own }
    if let reason = choice["finish_reason"]?.stringValue { finishReason = reason }
    take(choice["message"]?.objectValue ?? choice["delta"]?.objectValue ?? JSONObject())
  }

  /// A model's name; of a server that names it by the path of its file, the file's name.
  private static func shown(_ name: String) -> String {
    name.hasPrefix("/") ? name.split(separator: "/").last.map { String($0) } ?? name : name
  }

  /// What counts in the provider's usage: numbers under plain names. Texts may hold anything, and are left out.
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
    if let piece = Completion.text(of: message["content"]) { text = (text ?? "") + piece }
    if let piece = message["refusal"]?.stringValue { refusal = (refusal ?? "") + piece }
    for name in ["reasoning_content", "reasoning"] where message[name]?.stringValue?.isEmpty == false {
      hasReasoning = true
    }
    callsTools = callsTools || !(message["tool_calls"]?.arrayValue ?? []).isEmpty
  }

  /// The content itself, or its parts of type `text` joined; parts of other types are the model's reasoning.
  private static func text(of content: JSONValue?) -> String? {
    guard let parts = content?.arrayValue else { return content?.stringValue }
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

  /// Whether a value says that something is wrong; some servers send a 0 or an empty list where nothing is.
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
