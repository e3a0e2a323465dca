import Curl
import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowLLM

/// Models that refuse a parameter, and how they are called then.
@Suite(.timeLimit(.minutes(5))) struct FormTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  private static func error(_ message: String, param: String? = nil, code: String? = nil) -> ModelServer.Behaviour {
    let error: JSONObject = [
      "message": .string(message), "param": param.map { .string($0) } ?? .null,
      "code": code.map { .string($0) } ?? .null,
    ]
    return .status(400, body: JSONValue.object(["error": .object(error)]).text)
  }

  private static let noMaxTokens = error(
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    param: "max_tokens", code: "unsupported_parameter")
  private static let noTemperature = error(
    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
    param: "temperature", code: "unsupported_value")
  private static let noSystemRole = ModelServer.Behaviour.status(
    400, body: #"{"object":"error","message":"System role not supported","type":"BadRequestError","code":400}"#)

  private var bodies: [JSONObject] { server.calls.compactMap { $0.body?.objectValue } }

  @Test func `A model that refuses two parameters is called again without them, and from then on at once`() async throws
  {
    let model = server.model()
    server.script([Self.noMaxTokens, Self.noTemperature])
    #expect(try await model.complete(.example).text == "Model: What is a fjord?")
    #expect(bodies.map { $0["max_tokens"] != nil } == [true, false, false])
    #expect(bodies.map { $0["max_completion_tokens"]?.text } == [nil, "100", "100"])
    #expect(bodies.map { $0["temperature"] != nil } == [true, true, false])
    _ = try await model.complete(.example)
    #expect(bodies.count == 4)
    #expect(bodies.last?["max_completion_tokens"] == 100 && bodies.last?["temperature"] == nil)
  }

  @Test func `A model that takes neither parameter for tokens is called without one, and from then on at once`()
    async throws
  {
    let model = server.model()
    server.script([Self.noMaxTokens, Self.error("Unknown parameter: 'max_completion_tokens'.")])
    for _ in 1...2 { #expect(try await model.complete(.example).text == "Model: What is a fjord?") }
    #expect(
      bodies.map { $0.keys.filter { $0.hasPrefix("max_") } } == [["max_tokens"], ["max_completion_tokens"], [], []])
  }

  @Test func `What a model refuses is remembered for that model alone`() async throws {
    let model = server.model()
    server.script([Self.noMaxTokens])
    _ = try await model.complete(.example)
    var request = ChatRequest.example
    request.model = "gpt-other"
    _ = try await model.complete(request)
    #expect(bodies.last?["max_tokens"] == 100)
  }

  @Test func `Without a system role the instruction heads the user's message`() async throws {
    server.script([Self.noSystemRole])
    _ = try await server.model().complete(.example)
    #expect(bodies.last?["messages"] == [["role": "user", "content": "Be brief.\n\nWhat is a fjord?"]])
    #expect(bodies.count == 2)
  }

  @Test(
    arguments: [
      "litellm.UnsupportedParamsError: O-series models don't support temperature=0.2. Only temperature=1 is supported.",
      "invalid temperature: only 1 is allowed for this model", "temperature is deprecated for this model",
      #"Unexpected fields in the request: {'temperature'}"#, "Unrecognized request argument supplied: temperature",
      "Extra inputs are not permitted: temperature", "Unknown parameter: 'temperature'",
      "temperature may only be set to 1 when thinking is enabled", "temperature must be 1 for this model",
      "temperature is incompatible with this model", "The parameter temperature has been removed",
      "temperature cannot be specified for this model",
    ])
  func `However a provider refuses the temperature, it is left out`(words: String) async throws {
    server.script([Self.error(words)])
    _ = try await server.model().complete(.example)
    #expect(bodies.map { $0["temperature"] != nil } == [true, false])
  }

  @Test(
    arguments: [
      "Unsupported value: 'messages[0].role' does not support 'system' with this model.", "System role not supported",
      "Developer instruction is not enabled for models/gemma-3-1b-it",
      "Conversation roles must alternate user/assistant/user/assistant/...", "Unexpected role \"system\".",
      "Only user and assistant roles are supported!", "Input should be 'user' or 'assistant'", "Invalid role: system",
    ])
  func `However a provider refuses the system role, the instruction moves`(words: String) async throws {
    server.script([Self.error(words)])
    _ = try await server.model().complete(.example)
    #expect(bodies.last?["messages"]?.arrayValue?.count == 1)
  }

  @Test(
    arguments: [
      "max_tokens is too large: 1000000. This model supports at most 16384 completion tokens.",
      "This model's maximum context length is 4096 tokens.", "The model `gpt-test` does not exist",
      "body.max_tokens: ensure this value is less than or equal to 64", "temperature must be between 0 and 1",
      "max_tokens cannot be greater than 8192", "at most 64 tokens (max_tokens) is allowed on this plan",
      "max_tokens > 4096 is not supported", "temperature must not be less than 0.5",
    ])
  func `A value out of range, or another fault, is no reason for a second call`(words: String) async throws {
    server.behaviour = Self.error(words, param: "max_tokens")
    #expect(try await server.model().failure().code == .providerRejected)
    #expect(bodies.count == 1)
  }

  @Test(
    arguments: [
      #"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","temperature"]}]}}"#,
      #"{"error":{"message":"Provider returned error","metadata":{"raw":"{\"message\":\"temperature is unsupported\"}"}}}"#,
      #"{"error":{"message":"Bad Request","details":[{"target":"temperature","message":"it is not supported"}]}}"#,
      #"{"errors":{"temperature":["is not supported"]}}"#, "unknown field `temperature`, expected `messages`",
      #"{"error":"\#(String(repeating: "x ", count: 500))temperature is not supported"}"#,
    ])
  func `Wherever an error names the parameter that is refused, it is left out`(body: String) async throws {
    server.script([.status(400, body: body)])
    // A key that is a part of the parameter's name, too.
    _ = try await server.model(key: "temp").complete(.example)
    #expect(bodies.map { $0["temperature"] != nil } == [true, false])
  }

  @Test(
    arguments: [
      #"{"detail":[{"loc":["body"],"msg":"unknown model","input":{"temperature":"0.2"}}],"temperature":0.2}"#,
      #"{"error":"max_tokens_to_sample is not supported; upstream"}"#,
    ])
  func `What an error repeats of the request, or names beside it, is not refused`(body: String) async throws {
    server.behaviour = .status(400, body: body)
    #expect(try await server.model().failure().code == .providerRejected)
    #expect(bodies.count == 1)
  }

  @Test(
    arguments: [
      "This model only support stream mode, please enable the stream parameter to access the model.",
      "parameter.enable_thinking must be set to false for non-streaming calls", "Stream must be set to true",
      "Requests with max_tokens > 4096 must have stream=true",
    ])
  func `A model that answers in a stream only is asked for one, and from then on at once`(words: String) async throws {
    let model = server.model()
    let stream = #"data: {"choices":[{"delta":{"content":"A bay."},"finish_reason":"stop"}]}"# + "\n\ndata: [DONE]\n\n"
    server.script([Self.error(words), .malformed(stream), .malformed(stream)])
    for _ in 1...2 { #expect(try await model.complete(.example).text == "A bay.") }
    #expect(bodies.map { $0["stream"] } == [false, true, true])
  }

  @Test func `A server that does not know the parameter stream is called without it`() async throws {
    server.script([Self.error("Unknown parameter: 'stream'.", param: "stream")])
    _ = try await server.model().complete(.example)
    #expect(bodies.map { $0["stream"] } == [false, nil])
  }

  @Test func `A model that refuses every form is refused, after one call in each, and nothing is remembered`()
    async throws
  {
    let model = server.model()
    server.behaviour = Self.error("'max_tokens' and 'max_completion_tokens' are not supported", param: "max_tokens")
    #expect(try await model.failure().code == .providerRejected)
    #expect(bodies.count == 3)
    server.behaviour = .echo
    _ = try await model.complete(.example)
    #expect(bodies.last?["max_tokens"] == 100)
  }

  @Test func `A refusal of 401 or 429 that names a parameter changes nothing`() async throws {
    for status in [401, 429] {
      server.script([.status(status, body: #"{"error":{"message":"temperature is not supported"}}"#)])
      _ = try await server.model().failure()
    }
    #expect(bodies.count == 2)
  }

  @Test(arguments: TokensParameter.allCases)
  func `The parameter for tokens is the one that the setting names, and no other`(parameter: TokensParameter)
    async throws
  {
    let model = server.model { $0.tokensParameter = parameter }
    var request = ChatRequest.example
    request.temperature = nil
    _ = try await model.complete(request)
    #expect(bodies.last?[parameter.rawValue] == 100)
    #expect(bodies.last?.keys == ["model", "messages", parameter.rawValue, "stream"])
    server.behaviour = Self.error("\(parameter.rawValue) is not supported", param: parameter.rawValue)
    #expect(try await model.failure().code == .providerRejected)
    #expect(bodies.count == 2)
  }

  @Test func `Models beyond number do not fill the memory of what they refuse`() async throws {
    let model = server.model()
    server.behaviour = .echo
    for number in 0..<300 {
      server.script([Self.noTemperature])
      var request = ChatRequest.example
      request.model = "m\(number)"
      _ = try await model.complete(request)
    }
    var request = ChatRequest.example
    request.model = "m0"
    _ = try await model.complete(request)
    #expect(bodies.last?["temperature"] != nil)
    request.model = "m299"
    _ = try await model.complete(request)
    #expect(bodies.last?["temperature"] == nil)
  }
}
