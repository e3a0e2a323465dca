import Curl
import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowLLM

/// Bodies that are too large, of a wrong length or type, compressed, or that hold what no text should.
@Suite(.timeLimit(.minutes(2))) struct StreamBodyTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  private static func delta(_ wire: ModelDefinition.Wire, _ text: String) -> String {
    switch wire {
    case .chatCompletions: #"{"choices":[{"delta":{"content":"\#(text)"}}]}"#
    case .responses: #"{"type":"response.output_text.delta","delta":"\#(text)"}"#
    case .messages: #"{"type":"content_block_delta","delta":{"type":"text_delta","text":"\#(text)"}}"#
    }
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A text without end is cut off at its limit`(wire: ModelDefinition.Wire) async throws {
    let event = Self.delta(wire, String(repeating: "x", count: 60_000))
    let chunk = StreamText([event]).framed.dropLast(5)
    server.behaviour = .stream([], then: Array(repeating: .bytes(Array(chunk)), count: 400) + [.hold])
    let (outcome, _) = await server.model(wire).streamed()
    #expect(outcome.failure?.code == .invalidAnswer && outcome.failure?.isTransient == false, "\(outcome)")
    #expect(outcome.failure?.message == "the model's answer is larger than 10485760 bytes")
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `An event without end, and a comment without end, are cut off`(
    wire: ModelDefinition.Wire
  ) async throws {
    let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
    for start in ["data: \"", ": "] {
      let chunk = StreamText(piece, size: piece.count).framed.dropLast(5)
      let first = StreamText(Array(start.utf8), size: 100)
      server.behaviour = .pieces(
        [.bytes(first.head + first.framed.dropLast(5))] + Array(repeating: .bytes(Array(chunk)), count: 400))
      let (outcome, _) = await server.model(wire).streamed()
      #expect(outcome.failure?.code == .invalidAnswer && outcome.failure?.isTransient == false, "\(outcome)")
      #expect(outcome.failure?.message.contains("larger than") == true)
    }
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A body in place of a stream has the limit of an answer in one piece`(wire: ModelDefinition.Wire) async throws {
    let piece = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20)
    for status in ["200 OK", "400 No"] {
      let head = Array("HTTP/1.1 \(status)\r\nContent-Length: \(1 << 30)\r\n\r\n".utf8)
      server.behaviour = .pieces([.bytes(head)] + Array(repeating: .bytes(piece), count: 40))
      let (outcome, _) = await server.model(wire).streamed()
      #expect(outcome.failure?.message == "the model's answer is larger than 10485760 bytes", "\(outcome)")
    }
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A wrong Content-Length cuts a stream or lets it hang: before the end mark that is no answer`(
    wire: ModelDefinition.Wire
  ) async throws {
    let text = StreamText(ShortAnswer.events(wire))
    let mark = try #require(text.body.firstRange(of: Array(ShortAnswer.end(wire).utf8))).upperBound
    func head(_ length: Int) -> [UInt8] {
      Array("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: \(length)\r\n\r\n".utf8)
    }
    server.script([
      .pieces([.bytes(head(text.body.count + 9) + text.body), .end]), .pieces([.bytes(head(mark) + text.body), .end]),
      .pieces([.bytes(head(mark - 1) + text.body), .end]),
    ])
    let model = server.model(wire)
    #expect(await model.streamed().outcome.answer?.text == ShortAnswer.text)
    #expect(await model.streamed().outcome.answer?.text == ShortAnswer.text)
    #expect(await model.streamed().outcome.failure?.code == .providerUnavailable)
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `The type of what comes decides, and not what was asked for`(wire: ModelDefinition.Wire) async throws {
    let events = StreamText(ShortAnswer.events(wire))
    var named = events
    named.headers = ["Content-Type: Text/Event-Stream; charset=utf-8"]
    var unnamed = events
    unnamed.headers = []
    var whole = StreamText(Array(ShortAnswer.whole(wire).utf8), size: 20)
    whole.headers = ["Content-Type: text/event-stream"]
    server.script([
      named.behaviour, unnamed.behaviour, .malformed(ShortAnswer.whole(wire)), whole.behaviour, named.behaviour,
      unnamed.behaviour, whole.behaviour,
    ])
    let model = server.model(wire)
    for _ in 1...4 {
      let (outcome, shown) = await model.streamed()
      #expect(outcome.answer?.text == ShortAnswer.text && shown.text == ShortAnswer.text, "\(outcome)")
    }
    for _ in 1...3 { #expect(try await model.complete(.example).text == ShortAnswer.text) }
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A compressed stream is read, and a cut one is none`(wire: ModelDefinition.Wire) async throws {
    let body = StoredGzip.compress(StreamText(ShortAnswer.events(wire)).body)
    let headers = "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
    let head = Array("HTTP/1.1 200 OK\r\n\(headers)Content-Length: \(body.count)\r\n\r\n".utf8)
    server.script([.pieces([.bytes(head + body)]), .pieces([.bytes(head + body.prefix(60)), .end])])
    let model = server.model(wire)
    #expect(await model.streamed().outcome.answer?.text == ShortAnswer.text)
    #expect(await model.streamed().outcome.failure?.code == .providerUnavailable)
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `Control characters and bytes that are no UTF-8 become text that can be written and read`(
    wire: ModelDefinition.Wire
  ) async throws {
    let mark = Array("@".utf8)
    let event = Array("data: \(Self.delta(wire, #"a\u0000\u001b[2J\ud83d@b"#))\n\n".utf8)
    let raw: [UInt8] = [0x01, 0x1f, 0x7f, 0xff, 0xc3]
    let end = StreamText([ShortAnswer.end(wire)]).body
    server.behaviour = StreamText(event.replacing(mark, with: raw) + end, size: 16).behaviour
    let (outcome, shown) = await server.model(wire).streamed()
    let text = try #require(outcome.answer?.text, "\(outcome)")
    #expect(text == "a\u{0}\u{1b}[2J\u{fffd}\u{1}\u{1f}\u{7f}\u{fffd}\u{fffd}b")
    #expect(shown.text == text)
    #expect(try JSONValue(parsing: JSONValue.string(text).bytes) == .string(text))
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A model's name loses its control characters`(wire: ModelDefinition.Wire) async throws {
    let name = #""model":"a\u0000b\u001bc\n""#
    server.behaviour = .malformed(ShortAnswer.whole(wire).dropLast() + ",\(name)}")
    #expect(try await server.model(wire).complete(.example).model == "abc")
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `No error of a stream repeats the key`(wire: ModelDefinition.Wire) async throws {
    let events = [
      #"{"error":{"message":"Wrong key sk-secret.","code":"sk-secret"}}"#,
      #"{"type":"error","error":{"type":"sk-secret","message":"sk-secret"}}"#,
      #"{"type":"response.failed","response":{"status":"failed","error":{"code":"sk-secret","message":"sk-secret"}}}"#,
      #"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"sk-secret"}}}"#,
      #"{"choices":[{"delta":{"refusal":"sk-secret"},"finish_reason":"sk-secret"}],"usage":{"sk-secret":"sk-secret"}}"#,
      #"{"type":"message_delta","delta":{"stop_reason":"sk-secret"}}"#, "sk-secret", "[sk-secret",
    ]
    for event in events {
      server.behaviour = .stream([event])
      let (outcome, _) = await server.model(wire, key: "sk-secret").streamed()
      #expect(outcome.failure != nil, "\(event)")
      #expect(!String(reflecting: outcome).contains("sk-secret"), "\(event)")
    }
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A count beyond all numbers is no count, and stops nothing`(wire: ModelDefinition.Wire) async throws {
    let counts =
      #"{"input_tokens":9223372036854775807,"cache_read_input_tokens":9223372036854775807,"prompt_tokens":1e400}"#
    server.behaviour = .malformed(ShortAnswer.whole(wire).dropLast() + #","usage":\#(counts)}"#)
    #expect(try await server.model(wire).complete(.example).tokens.input == nil)
  }
}
