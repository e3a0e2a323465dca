import ExactJSON
import ModelServer
import Synchronization
import WorkflowLLM

/// What a server says, as it is on the wire.
struct StreamText {
  /// The body, each of whose parts is a chunk.
  let chunks: [[UInt8]]
  var headers = ["Content-Type: text/event-stream"]

  /// A stream of these events' data.
  init(_ events: [String]) { chunks = events.map { Array("data: \($0)\n\n".utf8) } }

  /// A body in pieces of this size.
  init(_ body: [UInt8], size: Int) {
    chunks = stride(from: 0, to: body.count, by: size).map { Array(body[$0..<min($0 + size, body.count)]) }
  }

  /// The body without its framing.
  var body: [UInt8] { chunks.flatMap { $0 } }

  var head: [UInt8] {
    let fields = headers + ["Transfer-Encoding: chunked"]
    return Array("HTTP/1.1 200 OK\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n".utf8)
  }

  /// The chunks with their sizes, and the last one, which ends the body.
  var framed: [UInt8] {
    chunks.flatMap { Array("\(String($0.count, radix: 16))\r\n".utf8) + $0 + Array("\r\n".utf8) }
      + Array("0\r\n\r\n".utf8)
  }

  /// The whole response.
  var response: [UInt8] { head + framed }

  /// The same as what a server does.
  var behaviour: ModelServer.Behaviour { .pieces([.bytes(response)]) }
}

extension ModelServer.Behaviour {
  /// A stream of these events' data.
  static func stream(_ events: [String]) -> Self { StreamText(events).behaviour }

  /// A stream that continues as it is said after these events.
  static func stream(_ events: [String], then pieces: [ModelServer.Piece]) -> Self {
    let text = StreamText(events)
    return .pieces([.bytes(text.head + text.framed.dropLast(5))] + pieces)
  }
}

/// Gathers the pieces of a text.
final class Pieces: Sendable {
  private let pieces = Mutex<[String]>([])
  var all: [String] { pieces.withLock { $0 } }
  var text: String { all.joined() }
  func add(_ piece: String) { pieces.withLock { $0.append(piece) } }
}

extension ChatModel {
  /// A streamed call: the answer or the failure, and the text that was passed on.
  func streamed(
    _ request: ChatRequest = .example
  ) async -> (outcome: Result<ChatAnswer, ModelError>, shown: Pieces) {
    let pieces = Pieces()
    do {
      return (.success(try await complete(request) { pieces.add($0) }), pieces)
    } catch {
      return (.failure(error), pieces)
    }
  }
}

extension Result where Success == ChatAnswer, Failure == ModelError {
  /// The answer; nil for a failure.
  var answer: ChatAnswer? { try? get() }

  /// The failure; nil for an answer and a cancelled call.
  var failure: ModelFailure? {
    if case .failure(.failed(let failure)) = self { failure } else { nil }
  }
}

/// A short answer on each wire: "Å bay.", of which the second byte is inside a character, with a count.
enum ShortAnswer {
  static let text = "Å bay."

  static func events(_ wire: ModelDefinition.Wire) -> [String] {
    switch wire {
    case .chatCompletions:
      [
        #"{"choices":[{"delta":{"content":"Å "}}]}"#, #"{"choices":[{"delta":{"content":"bay."}}]}"#,
        #"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        #"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}}"#, "[DONE]",
      ]
    case .responses:
      [
        #"{"type":"response.output_text.delta","delta":"Å "}"#,
        #"{"type":"response.output_text.delta","delta":"bay."}"#,
        #"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":9,"output_tokens":3}}}"#,
      ]
    case .messages:
      [
        #"{"type":"message_start","message":{"usage":{"input_tokens":9}}}"#,
        #"{"type":"content_block_delta","delta":{"type":"text_delta","text":"Å "}}"#,
        #"{"type":"content_block_delta","delta":{"type":"text_delta","text":"bay."}}"#,
        #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#,
        #"{"type":"message_stop"}"#,
      ]
    }
  }

  /// The event with the wire's end mark.
  static func end(_ wire: ModelDefinition.Wire) -> String {
    switch wire {
    case .chatCompletions: events(wire)[2]
    case .responses: events(wire)[2]
    case .messages: events(wire)[3]
    }
  }

  /// The same in one piece.
  static func whole(_ wire: ModelDefinition.Wire) -> String {
    switch wire {
    case .chatCompletions:
      #"{"choices":[{"message":{"content":"Å bay."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3}}"#
    case .responses:
      #"{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"Å bay."}]}],"usage":{"input_tokens":9,"output_tokens":3}}"#
    case .messages:
      #"{"content":[{"type":"text","text":"Å bay."}],"stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":3}}"#
    }
  }
}
