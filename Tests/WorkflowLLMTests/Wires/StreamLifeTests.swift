import Curl
import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowLLM

/// How long a stream may take, and what ends it.
@Suite(.timeLimit(.minutes(2))) struct StreamLifeTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  private static func begin(_ wire: ModelDefinition.Wire) -> [String] {
    Array(ShortAnswer.events(wire).prefix(wire == .messages ? 2 : 1))
  }

  /// As `transformers`, LiteLLM with messages and llama-cpp-python do while a prompt is computed or waits.
  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A stream that is silent too long is hung up on`(wire: ModelDefinition.Wire) async throws {
    server.behaviour = .stream(Self.begin(wire), then: [.hold])
    let (outcome, _) = await server.model(wire) { $0.idleTimeout = .milliseconds(100) }.streamed()
    let failure = try #require(outcome.failure)
    #expect(failure.code == .timeout && failure.isTransient && failure.mayBeComputed && failure.hasDeadConnection)
    #expect(failure.message == "the model's stream was silent for 0.1 s")
    if wire == .messages { #expect(failure.tokens.input == 9) }
    try await server.waitForDisconnect()
  }

  /// Comments of llama-cpp-python and LiteLLM, `ping` of Anthropic and LiteLLM.
  @Test(arguments: [": ping - now\n\n", ":\n\n", "event: ping\ndata: {\"type\":\"ping\"}\n\n"])
  func `Comments and pings are signs of life`(sign: String) async throws {
    let text = StreamText(ShortAnswer.events(.messages))
    let chunk = Array("\(String(sign.utf8.count, radix: 16))\r\n\(sign)\r\n".utf8)
    let signs = (0..<8).flatMap { _ in [.bytes(chunk), .pause(.milliseconds(100))] as [ModelServer.Piece] }
    server.behaviour = .pieces([.bytes(text.head)] + signs + [.bytes(text.framed)])
    let (outcome, _) = await server.model(.messages) { $0.idleTimeout = .milliseconds(600) }.streamed()
    #expect(outcome.answer?.text == ShortAnswer.text, "\(outcome)")
  }

  /// llama.cpp, guidellm, llmock and LiteLLM send no head before the first token.
  @Test func `The silence before the head is not limited by the time between events`() async throws {
    let text = StreamText(ShortAnswer.events(.chatCompletions))
    server.behaviour = .pieces([.pause(.milliseconds(400)), .bytes(text.response)])
    let (outcome, _) = await server.model { $0.idleTimeout = .milliseconds(100) }.streamed()
    #expect(outcome.answer?.text == ShortAnswer.text, "\(outcome)")
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `Signs of life do not move the end of the whole time`(wire: ModelDefinition.Wire) async throws {
    let sign = Array("7\r\n: ping\n\r\n".utf8)
    let signs = (0..<1_000).flatMap { _ in [.bytes(sign), .pause(.milliseconds(20))] as [ModelServer.Piece] }
    server.behaviour = .stream(Self.begin(wire), then: signs)
    let (outcome, _) = await server.model(wire, timeout: .milliseconds(500)) { $0.idleTimeout = .seconds(10) }
      .streamed()
    #expect(outcome.failure?.code == .timeout, "\(outcome)")
    #expect(outcome.failure?.message == "the model's answer did not end within 0.5 s")
    try await server.waitForDisconnect()
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A stream that drips, byte by byte, is read`(wire: ModelDefinition.Wire) async throws {
    let text = StreamText(ShortAnswer.events(wire))
    let drops = text.framed.flatMap { [.bytes([$0]), .pause(.milliseconds(1))] as [ModelServer.Piece] }
    server.behaviour = .pieces([.bytes(text.head)] + drops)
    let (outcome, shown) = await server.model(wire).streamed()
    #expect(outcome.answer?.text == ShortAnswer.text && shown.all == ["Å ", "bay."], "\(outcome)")
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `Cancelling hangs up at once, whatever was shown`(wire: ModelDefinition.Wire) async throws {
    server.behaviour = .stream(Self.begin(wire), then: [.hold])
    let (begun, continuation) = AsyncStream.makeStream(of: String.self)
    let task = Task { [model = server.model(wire)] in
      try await model.complete(.example) { continuation.yield($0) }
    }
    var pieces = begun.makeAsyncIterator()
    #expect(await pieces.next() == "Å ")
    task.cancel()
    #expect(await #expect(throws: ModelError.self) { try await task.value } == .cancelled)
    try await server.waitForDisconnect()
    #expect(server.calls.count == 1)
  }

  /// The other way round: a server that says nothing more, and does not close either.
  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A server that keeps the connection open after the end holds nothing up for long`(
    wire: ModelDefinition.Wire
  ) async throws {
    server.behaviour = .stream(ShortAnswer.events(wire), then: [.hold])
    let (outcome, _) = await server.model(wire, timeout: .seconds(100)).streamed()
    #expect(outcome.answer?.text == ShortAnswer.text)
    #expect(outcome.answer?.tokens.numbers == [9, nil, 3, nil])
    try await server.waitForDisconnect()
  }

  /// transformers and llama-stack send no `[DONE]`; nothing says that a count will come.
  @Test func `A count that does not come after the end mark is waited for, but not for ever`() async throws {
    server.behaviour = .stream(Array(ShortAnswer.events(.chatCompletions).prefix(3)), then: [.hold])
    let (outcome, _) = await server.model(timeout: .seconds(100)).streamed()
    #expect(outcome.answer?.text == ShortAnswer.text && outcome.answer?.tokens == TokenUsage())
    try await server.waitForDisconnect()
  }

  @Test func `A count that comes late after the end mark is taken`() async throws {
    let events = ShortAnswer.events(.chatCompletions)
    let rest = StreamText(Array(events[3...])).framed
    server.behaviour = .stream(Array(events[..<3]), then: [.pause(.milliseconds(300)), .bytes(rest)])
    let (outcome, _) = await server.model().streamed()
    #expect(outcome.answer?.tokens.numbers == [9, nil, 3, nil])
  }

  /// llama.cpp says keep-alive, and closes after each stream.
  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A connection that is closed after each stream costs no call`(wire: ModelDefinition.Wire) async throws {
    guard case .pieces(let pieces) = StreamText(ShortAnswer.events(wire)).behaviour else { return }
    server.behaviour = .pieces(pieces + [.end])
    let model = RepeatedStreams(server.model(wire))
    for _ in 1...5 { #expect(try await model.complete(.example).text == ShortAnswer.text) }
    #expect(server.calls.count == 5)
  }
}

/// Asks for streams, as often as it takes.
private struct RepeatedStreams: ChatModel {
  private let repeated: RepeatedCalls
  var provider: String { repeated.provider }

  init(_ model: any ChatModel) { repeated = RepeatedCalls(Streamed(model: model)) }

  func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer { try await repeated.complete(request) }

  private struct Streamed: ChatModel {
    let model: any ChatModel
    var provider: String { model.provider }

    func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
      try await model.complete(request) { _ in }
    }
  }
}
