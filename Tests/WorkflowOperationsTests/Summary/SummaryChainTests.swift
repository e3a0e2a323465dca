import Curl
import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowLLM
import WorkflowOperations

/// The models that a step calls, one after the other.
@Suite struct SummaryChainTests {
  /// A model that answers with the name that it was asked for, or fails.
  private struct Scripted: ChatModel {
    let provider = "test"
    var failure: ModelFailure?

    func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
      if let failure { throw .failed(failure) }
      return ChatAnswer(
        text: request.idempotencyKey, model: request.model ?? "own",
        usage: ["max": .number(JSONNumber(request.maxTokens))])
    }
  }

  private let operation = LLMSummarize(models: ChatModels(Scripted(), name: "m"))

  private func invocation(
    _ model: JSONValue? = nil, at alternative: String? = nil, item: Int? = nil, maxTokens: Int = 120
  ) -> Invocation {
    var params: JSONObject = ["source": "x", "max_tokens": .number(JSONNumber(maxTokens))]
    params["model"] = model
    let earlier = alternative.flatMap { name in
      StepAttempts(goingOnWith: name, after: nil, StepFailure(.timeout, ""), now: Timestamp(microseconds: 0))
    }
    return Invocation(job: "job", step: "step", item: item, params: params, inputs: [:], earlier: earlier)
  }

  private func outputs(_ invocation: Invocation) async throws -> JSONObject {
    guard case .outputs(let outputs, _) = try await operation.run(invocation) else { return [:] }
    return outputs
  }

  @Test func `The model that was recorded is called, with its own key`() async throws {
    let chain: JSONValue = ["a", "b", "c"]
    #expect(try await outputs(invocation(chain))["model"] == "a")
    #expect(try await outputs(invocation(chain))["summary"] == "job/step")
    #expect(try await outputs(invocation(chain, at: "b"))["model"] == "b")
    #expect(try await outputs(invocation(chain, at: "b", item: 3))["summary"] == "job/step/3#b")
    // The operator has changed the chain meanwhile.
    #expect(try await outputs(invocation(chain, at: "gone"))["model"] == "a")
    #expect(try await outputs(invocation(chain, at: "gone"))["summary"] == "job/step#a")
    #expect(try await outputs(invocation(["é\n%"], at: "gone"))["summary"] == "job/step#%C3%A9%0A%25")
    #expect(try await outputs(invocation())["model"] == "own")
    #expect(try await outputs(invocation("m"))["model"] == "own")
  }

  @Test func `Each model but the last has another one behind it, after failures that are its own`() {
    let chain: JSONValue = ["a", "b", "c"]
    let down = StepFailure(.providerUnavailable, "down")
    func next(_ invocation: Invocation, _ failure: StepFailure = down) -> String? {
      operation.alternative(after: failure, invocation)?.name
    }
    #expect(next(invocation(chain)) == "b")
    #expect(next(invocation(chain, at: "b")) == "c")
    #expect(next(invocation(chain, at: "c")) == nil)
    #expect(next(invocation("a")) == nil && next(invocation()) == nil)
    let own: [ErrorCode] = [
      .timeout, .rateLimited, .providerUnavailable, .providerRejected, .invalidAnswer, .budgetExceeded,
    ]
    for code in ErrorCode.allCases {
      #expect((next(invocation(chain), StepFailure(code, "")) != nil) == own.contains(code), "\(code)")
    }
    let note = operation.alternative(after: down, invocation(chain, item: 2))?.note(down)
    #expect(note == .nextModel(step: "step", item: 2, .init(to: "b", from: "a", down)))
  }

  @Test func `Attempts before a change are bounded, unless the step says how many there may be`() {
    let alternative = operation.alternative(after: StepFailure(.timeout, ""), invocation(["a", "b"]))
    var own = RetryPolicy()
    own.maxAttempts = 7
    #expect(alternative?.bounding(own).maxAttempts == 7)
    #expect(alternative?.bounding(operation.retryPolicy).maxAttempts == 3)
    #expect(alternative?.bounding(own).longestRefusal == .seconds(30))
  }

  @Test func `A failure names the model where there are several`() async {
    let failing = LLMSummarize(
      models: ChatModels(Scripted(failure: ModelFailure(.providerRejected, "no", isTransient: false)), name: "m"))
    await #expect(throws: StepError.failed(StepFailure(.providerRejected, "b: no"))) {
      try await failing.run(invocation(["a", "b"], at: "b"))
    }
    await #expect(throws: StepError.failed(StepFailure(.providerRejected, "no"))) {
      try await failing.run(invocation("a"))
    }
  }

  @Test func `A step may name up to eight models, each once`() {
    func faults(_ model: JSONValue) -> [String] { operation.faults(["model": model]) }
    #expect(faults("a") == [] && faults(["a"]) == [] && faults(["a", "@inputs.m", "{{inputs.m}}"]) == [])
    #expect(faults(.array((0..<8).map { .string("\($0)") })) == [])
    #expect(faults(.array((0..<9).map { .string("\($0)") })) == ["model: too_long"])
    #expect(faults([]) == ["model: too_short"])
    #expect(faults(["a", 1]) == ["model.?: string_type"])
    #expect(faults(["a", "a"]) == ["model.?: value_error"])
    #expect(faults(["a", .string(String(repeating: "x", count: 201))]) == ["model.?: string_too_long"])
  }
}
