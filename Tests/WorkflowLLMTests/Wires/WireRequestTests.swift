import Curl
import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowLLM

/// What is sent on each wire.
@Suite(.timeLimit(.minutes(5))) struct WireRequestTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  private static let full: ChatRequest = {
    var request = ChatRequest.example
    request.messages.append(.init(.assistant, "An inlet."))
    request.messages.append(.init(.user, "Where?"))
    request.stop = ["\n", "END"]
    request.seed = 7
    request.responseSchema = .init(name: "place", schema: ["type": "object"])
    return request
  }()

  /// The call that a question makes, streamed or not.
  private func call(
    _ wire: ModelDefinition.Wire, _ request: ChatRequest = .example, streams: Bool = false, key: String? = nil,
    _ adjust: (inout ModelDefinition) -> Void = { _ in }
  ) async throws -> ModelServer.Call {
    let model = server.model(wire, key: key, adjust)
    if streams { _ = try await model.complete(request) { _ in } } else { _ = try await model.complete(request) }
    return try #require(server.calls.last)
  }

  private func text(_ call: ModelServer.Call) -> String { String(decoding: call.raw, as: UTF8.self) }

  @Test func `Responses: instructions and input, and no parameter that was not asked for`() async throws {
    let call = try await call(.responses)
    #expect(call.path == "/v1/responses")
    #expect(
      text(call) == #"{"model":"gpt-test","instructions":"Be brief.","#
        + #""input":[{"role":"user","content":"What is a fjord?"}],"#
        + #""max_output_tokens":100,"temperature":0.2,"stream":false}"#)
  }

  @Test func `Messages: the instruction is system, and max_tokens always goes along`() async throws {
    let call = try await call(.messages)
    #expect(call.path == "/v1/messages")
    #expect(
      text(call) == #"{"model":"gpt-test","system":"Be brief.","#
        + #""messages":[{"role":"user","content":"What is a fjord?"}],"#
        + #""max_tokens":100,"temperature":0.2,"stream":false}"#)
  }

  @Test func `A stream is asked for, and with chat completions its count`() async throws {
    for wire in ModelDefinition.Wire.allCases {
      let call = try await call(wire, streams: true)
      #expect(call.body?.objectValue?["stream"] == true)
      #expect(call.headers["accept"] == "text/event-stream")
      let options: JSONValue? = wire == .chatCompletions ? ["include_usage": true] : nil
      #expect(call.body?.objectValue?["stream_options"] == options)
    }
  }

  @Test func `Each wire has stop, seed and the form of an answer where it can`() async throws {
    let chat = try await call(.chatCompletions, Self.full).body?.objectValue
    #expect(chat?["stop"] == ["\n", "END"] && chat?["seed"] == 7)
    #expect(
      chat?["response_format"] == [
        "type": "json_schema", "json_schema": ["name": "place", "schema": ["type": "object"]],
      ])
    // transformers refuses unknown fields of responses with 422, LiteLLM a seed of messages with 400.
    let responses = try await call(.responses, Self.full).body?.objectValue
    #expect(
      responses?.keys == ["model", "instructions", "input", "text", "max_output_tokens", "temperature", "stream"])
    #expect(
      responses?["text"] == ["format": ["type": "json_schema", "name": "place", "schema": ["type": "object"]]])
    #expect(responses?["input"]?.arrayValue?.count == 3)
    let messages = try await call(.messages, Self.full).body?.objectValue
    #expect(
      messages?.keys == [
        "model", "system", "messages", "stop_sequences", "output_config", "max_tokens", "temperature", "stream",
      ])
    #expect(messages?["output_config"] == ["format": ["type": "json_schema", "schema": ["type": "object"]]])
    #expect(messages?["stop_sequences"] == ["\n", "END"])
  }

  /// llama-stack refuses a lower limit, LiteLLM raises it.
  @Test func `Responses: fewer than 16 tokens are not asked for, and the raised limit is what cuts`() async throws {
    var request = ChatRequest.example
    request.maxTokens = 3
    #expect(try await call(.responses, request).body?.objectValue?["max_output_tokens"] == 16)
    #expect(try await server.model(.responses).complete(request).finishReason == "stop")
    #expect(try await call(.messages, request).body?.objectValue?["max_tokens"] == 3)
  }

  @Test func `The key goes along as the wire has it, or in the header that the definition names`() async throws {
    #expect(try await call(.responses, key: "k").headers["authorization"] == "Bearer k")
    let messages = try await call(.messages, key: "k").headers
    #expect(messages["x-api-key"] == "k" && messages["authorization"] == nil)
    #expect(messages["anthropic-version"] == "2023-06-01")
    let bearer = try await call(.messages, key: "k") { $0.keyHeader = .bearer }.headers
    #expect(bearer["authorization"] == "Bearer k" && bearer["x-api-key"] == nil)
    #expect(bearer["anthropic-version"] == "2023-06-01")
    #expect(try await call(.responses, key: "k") { $0.keyHeader = .apiKey }.headers["api-key"] == "k")
    #expect(try await call(.chatCompletions).headers["anthropic-version"] == nil)
  }

  /// Of seven servers one mishandles a request that offers HTTP/2 in plain text.
  @Test(arguments: ModelDefinition.Wire.allCases)
  func `Every call names its step, and none offers another protocol`(wire: ModelDefinition.Wire) async throws {
    for streams in [true, false] {
      let headers = try await call(wire, streams: streams).headers
      #expect(headers["idempotency-key"] == "job/llm" && headers["content-type"] == "application/json")
      #expect(headers["upgrade"] == nil && headers["http2-settings"] == nil && headers["expect"] == nil)
    }
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `Parameters that the definition refuses are never sent`(wire: ModelDefinition.Wire) async throws {
    let refused: Set<String> = [
      "temperature", "max_tokens", "max_completion_tokens", "max_output_tokens", "stream", "stream_options", "stop",
      "stop_sequences", "seed", "response_format", "text", "output_config",
    ]
    for streams in [true, false] {
      let body = try await call(wire, Self.full, streams: streams) { $0.refusedParameters = refused }.body?.objectValue
      let sent = Set(try #require(body).keys)
      #expect(sent.isDisjoint(with: refused))
    }
  }

  @Test func `A model that refuses max_tokens by its definition is asked by the other name`() async throws {
    let body = try await call(.chatCompletions) { $0.refusedParameters = ["max_tokens"] }.body?.objectValue
    #expect(body?["max_completion_tokens"] == 100 && body?["max_tokens"] == nil)
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `An instruction alone is asked as the user's message`(wire: ModelDefinition.Wire) async throws {
    var request = ChatRequest.example
    request.messages = [.init(.system, "Say hello.")]
    let body = try await call(wire, request).body?.objectValue
    #expect(
      body?[wire == .responses ? "input" : "messages"] == [["role": "user", "content": "Say hello."]] as JSONValue)
    #expect(body?["system"] == nil && body?["instructions"] == nil)
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `An echo is an answer on each wire, streamed and not`(wire: ModelDefinition.Wire) async throws {
    let (outcome, shown) = await server.model(wire).streamed()
    let answer = try await server.model(wire).complete(.example)
    #expect(outcome.answer == answer && shown.text == answer.text && shown.all.count > 1)
    #expect(answer.text == "Model: What is a fjord?" && answer.finishReason == "stop" && answer.tokens.output == 5)
    #expect(server.model(wire).provider == (wire == .messages ? "anthropic" : "openai"))
  }

  @Test func `A base URL that cannot be used is refused at each call, unsent`() async throws {
    let failure = try await server.model { $0.baseURL = "ftp://host" }.failure()
    #expect(failure.code == .providerRejected && !failure.isTransient && failure.detail.contains("http://"))
  }
}
