import ModelServer
import Testing
import Workflow
import WorkflowLLM

@Suite(.timeLimit(.minutes(5))) struct RetryTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  @Test func `A failure that passes costs a repeat of the very same call`() async throws {
    server.script([.status(500), .status(429), .hangUp, .status(503), .malformed(""), .status(529)])
    let answer = try await server.repeatedCalls().complete(.example)
    #expect(answer.text == "Model: What is a fjord?")
    let calls = server.calls
    #expect(calls.count == 7)
    #expect(Set(calls.map(\.raw)).count == 1)
    #expect(Set(calls.map { $0.headers["idempotency-key"] }) == ["job/llm"])
  }

  @Test func `Every call that reaches the server is one that is counted, on a kept connection too`() async throws {
    let model = server.model()
    let counted = CountedModel { _ throws(ModelError) in try await model.complete(.example) }
    let retrying = RepeatedCalls(counted)
    for _ in 1...5 {
      server.script([.echo, .hangUp])
      _ = try await retrying.complete(.example)
      _ = try await retrying.complete(.example)
    }
    #expect(counted.calls == 15)
    #expect(server.calls.count == 15)
    #expect(counted.asked.map(\.needsFreshConnection).count { $0 } == 5)
  }

  @Test func `After a timeout the next call has more time, and a new connection`() async throws {
    server.behaviour = .hold
    let model = server.model(timeout: .milliseconds(60))
    let counted = CountedModel { call throws(ModelError) in
      guard call < 4 else { throw .failed(.providerRejected, "enough", isTransient: false) }
      return try await model.complete(.example)
    }
    let error = await #expect(throws: ModelError.self) { try await RepeatedCalls(counted).complete(.example) }
    #expect(error == .failed(.providerRejected, "enough", isTransient: false))
    #expect(counted.asked.map(\.timeoutFactor) == [1, 2, 4, 4])
    #expect(counted.asked.map(\.needsFreshConnection) == [false, true, true, true])
  }

  @Test func `A wider time is more time on the wire, and the sentence names it`() async throws {
    server.behaviour = .hold
    var request = ChatRequest.example
    request.timeoutFactor = 3
    let start = ContinuousClock.now
    let failure = try await server.model(timeout: .milliseconds(100)).failure(of: request)
    #expect(.now - start >= .milliseconds(300))
    #expect(failure.message == "the model did not answer within 0.3 s")
    #expect(failure.hasDeadConnection && failure.mayBeComputed)
  }
}
