import Curl
import ModelServer
import Testing
import Workflow
import WorkflowLLM

@Suite(.timeLimit(.minutes(5))) struct TransferTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  @Test(arguments: [.dieInTheMiddle, .hangUp, .garbage] as [ModelServer.Behaviour])
  func `A provider that breaks off counts as away and is called again`(
    behaviour: ModelServer.Behaviour
  ) async throws {
    server.behaviour = behaviour
    let failure = try await server.model().failure()
    #expect(failure.code == .providerUnavailable && failure.isTransient)
    _ = try await RepeatedCalls(server.model(), most: 5).failure()
    #expect(server.calls.count == 6)
  }

  @Test func `A provider that refuses connections counts as away and is called again`() async throws {
    let model = server.model { $0.baseURL = "http://127.0.0.1:1/v1" }
    let counted = CountedModel { _ throws(ModelError) in try await model.complete(.example) }
    _ = try await RepeatedCalls(counted, most: 5).failure()
    #expect(counted.calls == 5)
    #expect(try await model.failure().code == .providerUnavailable)
  }

  @Test func `A provider that comes back is found again`() async throws {
    server.close()
    let model = server.model()
    let port = server.port
    let restarted = Restart(port: port)
    let counted = CountedModel { call throws(ModelError) in
      if call == 3 { restarted.start() }
      return try await model.complete(.example)
    }
    let answer = try await RepeatedCalls(counted).complete(.example)
    #expect(answer.text == "Model: What is a fjord?")
    #expect(counted.calls == 3)
  }

  @Test func `A provider that does not answer in time is hung up on`() async throws {
    server.behaviour = .hold
    let failure = try await server.model(timeout: .milliseconds(500)).failure()
    #expect(failure.code == .timeout && failure.isTransient)
    try await server.waitForDisconnect()
    #expect(server.calls.count == 1)
  }

  @Test func `Cancelling aborts the call under way and makes no other`() async throws {
    server.behaviour = .hold
    let model = RepeatedCalls(server.model(), most: 5)
    let task = Task { try await model.error() }
    try await server.waitForCalls(1)
    task.cancel()
    #expect(try await task.value == .cancelled)
    try await server.waitForDisconnect()
    #expect(server.calls.count == 1)
  }

  @Test func `A task that was cancelled before makes no call`() async throws {
    let model = RepeatedCalls(server.model(), most: 5)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await model.error()
    }
    #expect(try await task.value == .cancelled)
    #expect(server.calls.isEmpty)
  }

  @Test func `A closed client is not worth another call`() async throws {
    let client = HTTPClient()
    client.close()
    let failure = try await server.model(client: client).failure()
    #expect(failure.code == .providerUnavailable && !failure.isTransient)
  }

  @Test func `A hundred questions at once get their own answers`() async throws {
    let model = server.model()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<100 {
        group.addTask {
          var request = ChatRequest.example
          request.messages = [.init(.user, "Number \(number)")]
          return try await model.complete(request).text == "Model: Number \(number)"
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
    #expect(server.calls.count == 100)
  }
}
