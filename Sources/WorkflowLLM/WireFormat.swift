import ExactJSON

/// What differs from wire to wire: where requests go, how they are written, and how answers are read.
protocol WireFormat: Sendable {
  /// The provider's name, as shown in a step's outputs.
  var provider: String { get }
  /// The path after the base URL.
  var path: String { get }
  /// The header for a key where the definition names none.
  var keyHeader: ModelDefinition.KeyHeader { get }
  /// Headers of every request.
  var headers: [(name: String, value: String)] { get }
  /// The member of an answer without which it is none, for messages.
  var content: String { get }
  /// The parameters for the most tokens of an answer, in the order in which they are tried.
  var tokensParameters: [String] { get }
  /// The lowest limit of tokens that is sent.
  var fewestTokens: Int { get }

  /// The body of a request, without the parameters that all wires have.
  func body(of request: ChatRequest, streams: Bool) -> JSONObject
  /// Reads an answer in one piece.
  func read(_ answer: JSONObject, into completion: inout Completion)
  /// The text of an event that adds to the text and says nothing else, which is what most events of a stream do; nil
  /// for any other. What it returns must be all that `read(event:into:)` would take.
  /// - Parameter completion: what has come before.
  func addition(in event: inout JSONCursor, to completion: Completion) -> JSONCursor.Text?
  /// Reads an event of a stream.
  func read(event: JSONObject, into completion: inout Completion)
  /// The provider's count in one form.
  func tokens(in usage: JSONObject) -> TokenUsage
}

extension WireFormat {
  var headers: [(name: String, value: String)] { [] }
  var keyHeader: ModelDefinition.KeyHeader { .bearer }
  var fewestTokens: Int { 1 }
}

extension ModelDefinition.Wire {
  /// How this wire is written and read.
  var format: any WireFormat {
    switch self {
    case .chatCompletions: ChatCompletionsWire()
    case .responses: ResponsesWire()
    case .messages: MessagesWire()
    }
  }
}

extension JSONObject {
  /// The count of a member; nil for what none can be, so that counts can be added.
  func count(_ key: String) -> Int? {
    self[key]?.numberValue?.int.flatMap { (0...1_000_000_000_000).contains($0) ? $0 : nil }
  }
}

extension ChatRequest {
  /// The instructions, joined; nil if there are none.
  var instructions: String? {
    let texts = messages.filter { $0.role == .system }.map(\.content)
    return texts.isEmpty ? nil : texts.joined(separator: "\n\n")
  }

  /// The conversation without the instructions.
  var conversation: JSONValue {
    .array(messages.filter { $0.role != .system }.map(\.json))
  }
}

extension ChatRequest.Message {
  /// The message as all three wires have it.
  var json: JSONValue { ["role": .string(role.rawValue), "content": .string(content)] }
}
