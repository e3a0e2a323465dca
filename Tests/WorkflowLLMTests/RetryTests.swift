import ModelServer
import Testing
import Workflow
import WorkflowLLM

@Suite(.timeLimit(.minutes(1))) struct RetryTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  @Test func `A failure that passes costs a repeat of the very same call`() async throws {
    server.script([.status(500), .status(429), .hangUp])
    let answer = try await server.retryingModel().complete(.example)
    #expect(answer.text == "Model: What is a fjord?")
    let calls = server.calls
    #expect(calls.count == 4)
    #expect(Set(calls.map(\.raw)).count == 1)
    #expect(Set(calls.map { $0.headers["idempotency-key"] }) == ["job/llm"])
  }

  @Test func `The next call is not made before the provider wants it`() async throws {
    server.script([.status(429, headers: [("retry-after-ms", "150")])])
    let start = ContinuousClock.now
    _ = try await server.retryingModel().complete(.example)
    #expect(.now - start >= .milliseconds(150))
    #expect(server.calls.count == 2)
  }

  @Test func `The latest answer's wait counts, and one beyond the total gives up`() async throws {
    server.script([
      .status(429, headers: [("retry-after-ms", "1")], body: #"{"error": "first"}"#),
      .status(429, headers: [("Retry-After", "600")], body: #"{"error": "second"}"#),
    ])
    let failure = try await server.retryingModel().failure()
    #expect(failure.message == "the model answered 429: second")
    #expect(failure.retryAfter == .seconds(600))
    #expect(server.calls.count == 2)
  }

  @Test func `No call begins once the time for all of them is over`() async throws {
    server.behaviour = .hold
    let model = server.model(timeout: .milliseconds(60))
    let counted = CountedModel { _ throws(ModelError) in try await model.complete(.example) }
    let policy = RetryPolicy(firstDelay: .milliseconds(1), total: .milliseconds(50))
    #expect(try await RetryingChatModel(counted, policy: policy).failure().code == .timeout)
    #expect(counted.calls == 1)
  }

  @Test func `Cancelling ends the wait for the next call`() async throws {
    let (calls, called) = AsyncStream.makeStream(of: Int.self)
    let model = CountedModel { call throws(ModelError) in
      called.yield(call)
      throw .failed(StepFailure(.rateLimited, "later"), isTransient: true, retryAfter: .seconds(3600))
    }
    let task = Task { try await RetryingChatModel(model, policy: RetryPolicy(total: .seconds(7200))).failure() }
    for await _ in calls { break }
    task.cancel()
    #expect(try await task.value == .cancelled)
    #expect(model.calls == 1)
  }

  @Test func `The last failure is the one that is told`() async throws {
    let model = CountedModel { call throws(ModelError) in
      throw .failed(StepFailure(.providerUnavailable, "call \(call)"), isTransient: call < 3, retryAfter: nil)
    }
    let retrying = RetryingChatModel(model, policy: .short)
    #expect(try await retrying.failure().message == "call 3")
    #expect(retrying.provider == "counted")
  }
}
