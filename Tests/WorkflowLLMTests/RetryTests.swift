import ModelServer
import Synchronization
import Testing
import Workflow
import WorkflowLLM

@Suite(.timeLimit(.minutes(1))) struct RetryTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  @Test func `A failure that passes costs a repeat of the very same call`() async throws {
    server.script([.status(500), .status(429), .hangUp, .status(503), .malformed(""), .status(529)])
    let answer = try await server.retryingModel().complete(.example)
    #expect(answer.text == "Model: What is a fjord?")
    let calls = server.calls
    #expect(calls.count == 7)
    #expect(Set(calls.map(\.raw)).count == 1)
    #expect(Set(calls.map { $0.headers["idempotency-key"] }) == ["job/llm"])
  }

  @Test func `Every call that reaches the server is one that is counted, on a kept connection too`() async throws {
    let model = try server.model()
    let counted = CountedModel { _ throws(ModelError) in try await model.complete(.example) }
    let retrying = RetryingChatModel(counted, policy: .quick)
    for _ in 1...5 {
      server.script([.echo, .hangUp])
      _ = try await retrying.complete(.example)
      _ = try await retrying.complete(.example)
    }
    #expect(counted.calls == 15)
    #expect(server.calls.count == 15)
    #expect(counted.asked.map(\.needsFreshConnection).count { $0 } == 5)
  }

  @Test func `The next call is not made before the provider wants it`() async throws {
    server.script([.status(429, headers: [("retry-after-ms", "150")])])
    let start = ContinuousClock.now
    _ = try await server.retryingModel().complete(.example)
    #expect(.now - start >= .milliseconds(150))
    #expect(server.calls.count == 2)
  }

  @Test func `A wait beyond what is left of the total ends the tries at once, and is told`() async throws {
    server.script([
      .status(429, headers: [("retry-after-ms", "1")], body: #"{"error": "first"}"#),
      .status(429, headers: [("Retry-After", "601")], body: #"{"error": "second"}"#),
    ])
    let failure = try await server.retryingModel().failure()
    #expect(failure.message.hasPrefix("the model answered 429; 2 calls in "))
    #expect(failure.message.hasSuffix(" s; the provider asked for a wait of 601 s"))
    #expect(failure.detail == "second")
    #expect(server.calls.count == 2)
  }

  @Test func `Those who are refused together do not come back together`() async throws {
    let waits = Mutex<[Duration]>([])
    let model = CountedModel { call throws(ModelError) in
      throw .failed(.rateLimited, "later", retryAfter: .seconds(20))
    }
    for _ in 1...100 {
      _ = try? await RetryingChatModel(model, policy: RetryPolicy(total: .seconds(60))).complete(.example) { wait in
        waits.withLock { $0.append(wait) }
        throw CancellationError()
      }
    }
    let all = waits.withLock { $0 }
    #expect(all.allSatisfy { $0 >= .seconds(20) && $0 <= .seconds(25) })
    #expect((all.max() ?? .zero) - (all.min() ?? .zero) > .seconds(3))
  }

  @Test func `After a timeout the next call waits as long as the last one took, and has more time`() async throws {
    server.behaviour = .hold
    let model = try server.model(timeout: .milliseconds(60))
    let counted = CountedModel { call throws(ModelError) in
      guard call < 4 else { throw .failed(.providerRejected, "enough", isTransient: false) }
      return try await model.complete(.example)
    }
    let waits = Mutex<[Duration]>([])
    let error = await #expect(throws: ModelError.self) {
      try await RetryingChatModel(counted, policy: .quick).complete(.example) { wait in
        waits.withLock { $0.append(wait) }
      }
    }
    #expect(error == .failed(.providerRejected, "enough", isTransient: false))
    #expect(waits.withLock { $0.allSatisfy { $0 >= .milliseconds(60) } })
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

  @Test func `No call begins once the time for all of them is over`() async throws {
    server.behaviour = .hold
    let model = try server.model(timeout: .milliseconds(60))
    let counted = CountedModel { _ throws(ModelError) in try await model.complete(.example) }
    let policy = RetryPolicy(firstDelay: .milliseconds(1), total: .milliseconds(50))
    #expect(try await RetryingChatModel(counted, policy: policy).failure().code == .timeout)
    #expect(counted.calls == 1)
  }

  @Test func `Cancelling ends the wait for the next call`() async throws {
    let (calls, called) = AsyncStream.makeStream(of: Int.self)
    let model = CountedModel { call throws(ModelError) in
      called.yield(call)
      throw .failed(.rateLimited, "later", retryAfter: .seconds(3600))
    }
    let task = Task { try await RetryingChatModel(model, policy: RetryPolicy(total: .seconds(7200))).error() }
    for await _ in calls { break }
    task.cancel()
    #expect(try await task.value == .cancelled)
    #expect(model.calls == 1)
  }

  @Test func `The last failure is the one that is told`() async throws {
    let model = CountedModel { call throws(ModelError) in
      throw .failed(.providerUnavailable, "call \(call)", isTransient: call < 3)
    }
    let retrying = RetryingChatModel(model, policy: .quick)
    #expect(try await retrying.failure().message == "call 3")
    #expect(retrying.provider == "counted")
  }
}
