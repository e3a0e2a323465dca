import Curl
import ExactJSON
import ModelServer
import Synchronization
import Testing
import Workflow
import WorkflowLLM
import WorkflowOperations

/// `llm_chat` with a model behind HTTP.
@Suite(.timeLimit(.minutes(5))) struct LLMChatTests {
  private let server: ModelServer
  private let chat: LLMChat

  init() throws {
    server = try ModelServer()
    let definition = ModelDefinition(name: "m", wire: .chatCompletions, baseURL: server.baseURL, model: "gpt-test")
    chat = LLMChat(models: ChatModels(WireModel(client: HTTPClient(), definition: definition), name: "m"))
  }

  private static let form: JSONValue = [
    "type": "object", "properties": ["n": ["type": "integer"]], "required": ["n"], "additionalProperties": false,
  ]

  private func body(_ call: Int = 0) throws -> JSONObject { try #require(server.calls[call].body?.objectValue) }

  /// An answer with a count of tokens.
  private func answer(_ text: String, tokens: Int) -> ModelServer.Behaviour {
    let body: JSONValue = [
      "model": "gpt-1", "usage": ["total_tokens": .number(JSONNumber(tokens))],
      "choices": [["message": ["content": .string(text)], "finish_reason": "stop"]],
    ]
    return .status(200, body: body.text)
  }

  @Test func `A prompt is the user's message, and the answer comes with what the provider says of it`() async throws {
    server.behaviour = answer("Bays.", tokens: 7)
    let outputs = try await chat.outputs(["prompt": "What is a fjord?", "system": "Be brief."])
    #expect(
      outputs == [
        "text": "Bays.", "provider": "openai", "model": "gpt-1", "usage": ["total_tokens": 7], "finish_reason": "stop",
      ])
    #expect(
      try body() == [
        "model": "gpt-test", "stream": false, "max_tokens": 1024,
        "messages": [
          ["role": "system", "content": "Be brief."], ["role": "user", "content": "What is a fjord?"],
        ],
      ])
    #expect(server.calls[0].headers["idempotency-key"] == "job/step")
    #expect(!chat.isImmediate)
  }

  @Test func `A conversation and every parameter go to the provider`() async throws {
    let messages: JSONValue = [
      ["role": "system", "content": "Be brief."], ["role": "user", "content": "1?"],
      ["role": "assistant", "content": "2"], ["role": "user", "content": "3?"],
    ]
    server.behaviour = answer(#"{"n":4}"#, tokens: 1)
    let outputs = try await chat.outputs([
      "messages": messages, "model": "other", "max_tokens": 9, "temperature": 1, "stop": ["a", "b"], "seed": 7,
      "response_schema": Self.form,
    ])
    #expect(outputs["json"] == ["n": 4] && outputs["text"] == #"{"n":4}"#)
    #expect(outputs.keys == ["text", "json", "provider", "model", "usage", "finish_reason"])
    let sent = try body()
    #expect(sent["messages"] == messages && sent["model"] == "other" && sent["max_tokens"] == 9)
    #expect(sent["stop"] == ["a", "b"] && sent["seed"] == 7 && sent["temperature"]?.numberValue?.double == 1)
    #expect(
      sent["response_format"] == ["type": "json_schema", "json_schema": ["name": "answer", "schema": Self.form]])
    server.behaviour = .echo
    _ = try await chat.outputs(["prompt": "x", "stop": "end"])
    #expect(try body(1)["stop"] == ["end"])
  }

  // MARK: Repair

  @Test func `An answer of another form is asked for once more, with its fault and another key`() async throws {
    server.script([answer(#"{"n":"four"}"#, tokens: 5), answer("```json\n{\"n\":4}\n```", tokens: 6)])
    let outputs = try await chat.outputs(["prompt": "How many?", "response_schema": Self.form])
    #expect(outputs["json"] == ["n": 4] && outputs["usage"] == ["total_tokens": 11])
    let messages = try #require(try body(1)["messages"]?.arrayValue)
    #expect(messages.count == 3 && messages[1] == ["role": "assistant", "content": #"{"n":"four"}"#])
    let words = try #require(messages[2].objectValue?["content"]?.stringValue)
    #expect(words.contains("/n must be an integer, not a string") && words.contains(Self.form.text))
    #expect(server.calls.map { $0.headers["idempotency-key"] } == ["job/step", "job/step~repair"])
  }

  @Test func `After the second answer the step fails for good, and says what was wrong with both`() async throws {
    server.script([answer("four", tokens: 5), answer(#"{"n":4,"m":5}"#, tokens: 6)])
    let params: JSONObject = ["prompt": "How many?", "response_schema": Self.form]
    var failure: StepFailure?
    do { _ = try await chat.outputs(params) } catch .failed(let found) as StepError { failure = found }
    #expect(failure?.code == .invalidAnswer && failure?.details.isTransient == false)
    #expect(
      failure?.message
        == "the answer does not fit response_schema: it is not valid JSON: Expected 'false' but found 'o' at byte 1; "
        + "asked again, it does not either: /m is not allowed")
    #expect(failure?.details.usage == ["total_tokens": 11])
    #expect(server.calls.count == 2)
  }

  @Test func `A repair that fails as a call is an attempt like any other, with the tokens of both`() async throws {
    server.script([answer("four", tokens: 5), .status(503)])
    var failure: StepFailure?
    do {
      _ = try await chat.outputs(["prompt": "x", "response_schema": Self.form])
    } catch .failed(let found) as StepError { failure = found }
    #expect(failure?.code == .providerUnavailable && failure?.details.isTransient == true)
    #expect(failure?.details.usage == ["total_tokens": 5])
  }

  @Test func `An attempt after a repair that failed asks for the repair alone`() async throws {
    let recorded = Mutex<[Int: JSONObject]>([:])
    func invocation(_ prompt: String) -> Invocation {
      var invocation = Invocation(
        job: "job", step: "step", params: ["prompt": .string(prompt), "response_schema": Self.form], inputs: [:])
      invocation.parts = StepParts(known: recorded.withLock { $0 }) { number, _, outputs in
        recorded.withLock { $0[number] = outputs }
        return nil
      }
      return invocation
    }
    server.script([answer("four", tokens: 5), .status(503), answer(#"{"n":4}"#, tokens: 6)])
    await #expect(throws: StepError.self) { _ = try await chat.run(invocation("x")) }
    guard case .outputs(let outputs, _) = try await chat.run(invocation("x")) else { return }
    #expect(outputs["json"] == ["n": 4] && outputs["usage"] == ["total_tokens": 11])
    #expect(
      server.calls.map { $0.headers["idempotency-key"] } == ["job/step", "job/step~repair", "job/step~repair"])
    // Another question is none of what is recorded.
    server.script([answer(#"{"n":5}"#, tokens: 1)])
    guard case .outputs(let others, _) = try await chat.run(invocation("y")) else { return }
    #expect(others["json"] == ["n": 5])
    #expect(server.calls.last?.headers["idempotency-key"] == "job/step")
    // After two answers that cannot be used nothing is kept.
    server.script([answer("one", tokens: 1), answer("two", tokens: 1), answer(#"{"n":6}"#, tokens: 1)])
    await #expect(throws: StepError.self) { _ = try await chat.run(invocation("z")) }
    guard case .outputs(let last, _) = try await chat.run(invocation("z")) else { return }
    #expect(last["json"] == ["n": 6] && last["usage"] == ["total_tokens": 1])
  }

  @Test func `The text of the repair is not shown to those who follow the run`() async throws {
    let shown = Mutex("")
    server.script([.answer(text: "four"), .answer(text: #"{"n":4}"#)])
    var invocation = Invocation(
      job: "job", step: "step", params: ["prompt": "x", "response_schema": Self.form], inputs: [:])
    invocation.onText = { piece in shown.withLock { $0 += piece } }
    guard case .outputs(let outputs, _) = try await chat.run(invocation) else { return }
    #expect(outputs["json"] == ["n": 4] && outputs["text"] == #"{"n":4}"#)
    #expect(shown.withLock { $0 } == "four")
  }

  // MARK: Parameters

  private func messages(_ params: JSONObject) -> [String] {
    chat.parameters.faults(in: params, at: []).map(\.message)
  }

  @Test func `One of prompt and messages is given`() {
    #expect(messages([:]) == ["Value error, one of prompt and messages must be given"])
    #expect(
      messages(["prompt": "x", "messages": [["role": "user", "content": "x"]]])
        == ["Value error, only one of prompt and messages can be given"])
    #expect(messages(["prompt": "x"]) == [] && messages(["messages": "@inputs.talk"]) == [])
  }

  private static let conversations: [(messages: JSONValue, fault: String?)] = [
    ([["role": "user", "content": "a"]], nil),
    ([["role": "user", "content": "{{inputs.a}}"]], nil), ([["role": "@inputs.role", "content": "@inputs.b"]], nil),
    (["@inputs.first", ["role": "user", "content": "a"]], nil), (["@inputs.first"], nil),
    ([], "there must be 1 to 1000 messages"), ([1], "[0]: a message is an object with role and content"),
    ([["role": "tool", "content": "a"]], "[0]: role must be 'system', 'user' or 'assistant'"),
    ([["content": "a"]], "[0]: role is missing"), ([["role": "user"]], "[0]: content is missing"),
    ([["role": "user", "content": 7]], "[0]: content must be a string, not number"),
    ([["role": "user", "content": "a", "name": "x"]], "[0]: a message has no member 'name', only role and content"),
    (
      [["role": "user", "content": "a"], ["role": "assistant", "content": "b"]], "the last message must be the user's"
    ),
  ]

  @Test(arguments: conversations.indices) func `A conversation is checked at submission`(_ row: Int) {
    let (conversation, fault) = Self.conversations[row]
    #expect(messages(["messages": conversation]) == [fault].compactMap { $0.map { "Value error, \($0)" } })
  }

  @Test func `What references bring is checked when the step starts`() async throws {
    for messages in [["x"], [["role": "@a", "content": "b"]], [["role": "user", "content": 1]]] as [JSONValue] {
      await #expect(throws: (any Error).self) { try await chat.outputs(["messages": messages]) }
    }
    await #expect(throws: (any Error).self) {
      try await chat.outputs(["prompt": "x", "response_schema": ["enum": "@data"]])
    }
    #expect(server.calls.isEmpty)
  }

  @Test func `Other parameters have their bounds`() {
    #expect(
      messages(["prompt": "x", "stop": ["a", "b", "c", "d", "e"]]) == [
        "List should have at most 4 items after validation, not 5"
      ])
    #expect(messages(["prompt": "x", "stop": ""]) == ["Value error, a text to stop at has a character or more"])
    #expect(
      messages(["prompt": "x", "stop": ["a", ""]]) == ["Value error, a text to stop at has a character or more"])
    #expect(messages(["prompt": "x", "seed": "1"]) == ["Input should be a valid integer"])
    #expect(messages(["prompt": "x", "seed": -1, "temperature": 2, "max_tokens": 1]) == [])
    #expect(
      messages(["prompt": "x", "response_schema": ["properties": ["a": ["pattern": "^a"]]]]).first?.hasPrefix(
        "Value error, at /properties/a: the keyword 'pattern' is not supported") == true)
    #expect(messages(["prompt": "x", "response_schema": true]) == ["Input should be a valid dictionary"])
  }

  @Test func `Without a model the step fails, and says what to do`() async {
    let expected = StepFailure(
      .operationFailed, "this worker has no model; set WF_LLM_BASE_URL and WF_LLM_MODEL, or WF_MODELS_FILE")
    await #expect(throws: StepError.failed(expected)) { try await LLMChat().outputs(["prompt": "x"]) }
  }
}
