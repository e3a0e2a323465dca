import Curl
import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowLLM
import WorkflowOperations

/// `llm_summarize` with a model behind HTTP.
@Suite(.timeLimit(.minutes(5))) struct ModelSummaryTests {
  private let server: ModelServer
  private let model: WireModel

  init() throws {
    server = try ModelServer()
    var definition = ModelDefinition(name: "test", wire: .chatCompletions, baseURL: server.baseURL, model: "gpt-test")
    definition.temperature = 0.2
    model = WireModel(client: HTTPClient(), definition: definition)
  }

  private func lastBody() throws -> JSONObject { try #require(server.calls.last?.body?.objectValue) }

  @Test func `The model's words become the summary, with its name and its count`() async throws {
    server.behaviour = .status(
      200,
      body:
        #"{"model":"gpt-1","choices":[{"message":{"content":"Bays."},"finish_reason":"length"}],"usage":{"n":1.50}}"#)
    let outputs = try await LLMSummarize(model: model).outputs(["source": "What is a fjord?"])
    #expect(outputs["summary"] == "Bays.")
    #expect(outputs["provider"] == "openai")
    #expect(outputs["model"] == "gpt-1")
    #expect(outputs["usage"]?.text == #"{"n":1.50}"#)
    #expect(outputs["finish_reason"] == "length")
    #expect(outputs.keys == ["summary", "provider", "model", "usage", "finish_reason"])
  }

  @Test func `A model that says nothing beside its text has null for the rest`() async throws {
    server.behaviour = .status(200, body: #"{"choices":[{"message":{"content":"Bays."}}]}"#)
    let outputs = try await LLMSummarize(model: model).outputs(["source": "a"])
    #expect(
      outputs == ["summary": "Bays.", "provider": "openai", "model": "gpt-test", "usage": nil, "finish_reason": nil])
  }

  @Test func `Without more params the model gets the instruction, the source and the defaults`() async throws {
    _ = try await LLMSummarize(model: model).outputs(["source": "What is a fjord?"])
    #expect(
      try lastBody()["messages"] == [
        ["role": "system", "content": "Summarise the user's text in 2 sentences."],
        ["role": "user", "content": "What is a fjord?"],
      ])
    #expect(try lastBody()["model"] == "gpt-test")
    #expect(try lastBody()["max_tokens"]?.numberValue?.text == "120")
    #expect(try lastBody()["temperature"]?.numberValue?.text == "0.2")
  }

  @Test func `Params override the instruction and the defaults`() async throws {
    let temperature = try #require(JSONNumber(text: "0.7"))
    _ = try await LLMSummarize(model: model).outputs([
      "source": "a", "prompt": "Rhyme.", "model": "gpt-2", "temperature": .number(temperature), "max_tokens": 5,
    ])
    #expect(
      try lastBody() == [
        "model": "gpt-2", "temperature": .number(temperature), "max_tokens": 5, "stream": false,
        "messages": [["role": "system", "content": "Rhyme."], ["role": "user", "content": "a"]],
      ])
  }

  @Test func `Every call of a step carries the step's key`() async throws {
    let operation = LLMSummarize(model: model)
    for _ in 1...2 { _ = try await operation.outputs(["source": "a"]) }
    #expect(server.calls.map { $0.headers["idempotency-key"] } == ["job/step", "job/step"])
    #expect(!operation.isImmediate)
  }

  @Test func `The placeholder speaks for a model that failed, and the log says why`() async throws {
    server.behaviour = .status(400, body: #"{"error": {"message": "Too long."}}"#)
    let result = try await LLMSummarize(model: model).result(["source": "abcdef", "max_tokens": 3])
    guard case .outputs(let outputs, let notes) = result else {
      Issue.record("there are no outputs")
      return
    }
    #expect(outputs == ["summary": "Summary(3): abc", "provider": "placeholder", "model": "placeholder", "usage": nil])
    let failure = StepFailure(.providerRejected, "the model answered 400")
    #expect(notes == [.modelFallback(step: "step", failure, usage: .null)])
  }

  @Test func `The tokens of an answer that cannot be used are told`() async throws {
    server.behaviour = .status(
      200, body: #"{"choices":[{"message":{"content":""},"finish_reason":"length"}],"usage":{"total_tokens":140}}"#)
    guard case .outputs(_, let notes) = try await LLMSummarize(model: model).result(["source": "abcdef"]),
      case .modelFallback(_, let failure, let usage) = notes.first
    else {
      Issue.record("there is no note")
      return
    }
    #expect(failure.code == .invalidAnswer)
    #expect(usage == ["total_tokens": 140])
  }

  @Test(arguments: [(400, ErrorCode.providerRejected), (429, .rateLimited), (503, .providerUnavailable)])
  func `Without a fallback the step fails as the model did`(status: Int, code: ErrorCode) async throws {
    server.behaviour = .status(status)
    let operation = LLMSummarize(model: model, fallback: .fail)
    await #expect(throws: StepError.failed(StepFailure(code, "the model answered \(status)"))) {
      try await operation.outputs(["source": "a"])
    }
  }

  @Test(arguments: LLMSummarize.Fallback.allCases)
  func `A cancelled step has no placeholder`(fallback: LLMSummarize.Fallback) async throws {
    server.behaviour = .hold
    let operation = LLMSummarize(model: model, fallback: fallback)
    let task = Task { try await operation.outputs(["source": "a"]) }
    try await server.waitForCalls(1)
    task.cancel()
    await #expect(throws: StepError.cancelled) { try await task.value }
    try await server.waitForDisconnect()
  }

  @Test func `A source that is no text costs no call`() async throws {
    let operation = LLMSummarize(model: model)
    await #expect(throws: StepError.self) {
      try await operation.run(Invocation(job: "job", step: "llm", params: ["source": 1], inputs: [:]))
    }
    #expect(server.calls.isEmpty)
  }
}
