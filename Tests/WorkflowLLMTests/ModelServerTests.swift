import Curl
import ModelServer
import Testing
import Workflow
import WorkflowLLM

@Suite(.timeLimit(.minutes(5))) struct ModelServerTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  @Test func `A script goes first, then the standing behaviour`() async throws {
    server.script([.answer(text: "one"), .answer(text: "two")])
    server.behaviour = .answer(text: "others")
    let model = server.model()
    for text in ["one", "two", "others", "others"] {
      #expect(try await model.complete(.example).text == text)
    }
  }

  @Test func `A release lets every held call continue, and later ones are held again`() async throws {
    server.behaviour = .hold
    let model = server.model()
    for round in 1...3 {
      let tasks = (0..<8).map { _ in Task { try await model.complete(.example).text } }
      try await server.waitForCalls(8 * round)
      server.release()
      for task in tasks { #expect(try await task.value == "Model: What is a fjord?") }
    }
    #expect(server.disconnects == 0)
  }

  @Test func `A slow answer comes in its time`() async throws {
    server.behaviour = .slow(.milliseconds(50))
    let start = ContinuousClock.now
    _ = try await server.model().complete(.example)
    #expect(.now - start >= .milliseconds(50))
  }

  @Test func `A call that no provider would understand is refused`() async throws {
    let client = HTTPClient()
    let lost = try await client.send(HTTPRequest(url: server.baseURL + "/models"))
    #expect(lost.status == 404)
    let empty = try await client.send(
      HTTPRequest(method: "POST", url: server.baseURL + "/chat/completions", body: Array("{".utf8)))
    #expect(empty.status == 400)
    #expect(server.calls.map(\.method) == ["GET", "POST"])
    #expect(server.calls.map(\.raw) == [[], Array("{".utf8)])
    #expect(server.calls.allSatisfy { $0.body == nil })
  }

  @Test func `A body of a megabyte arrives whole`() async throws {
    var request = ChatRequest.example
    request.messages = [.init(.user, String(repeating: "fjord ", count: 200_000))]
    _ = try await server.model().complete(request)
    #expect(server.calls.first?.raw.count ?? 0 > 1_200_000)
  }

  @Test func `Closing ends held calls and frees the port`() async throws {
    server.behaviour = .hold
    let model = server.model()
    let task = Task { try await model.failure() }
    try await server.waitForCalls(1)
    server.close()
    #expect(try await task.value.code == .providerUnavailable)
    let successor = try ModelServer(port: server.port)
    #expect(successor.baseURL == server.baseURL)
    #expect(try await model.complete(.example).text == "Model: What is a fjord?")
    server.close()
    #expect(successor.calls.count == 1)
    #expect(throws: ModelServer.Failure.self) { try ModelServer(port: successor.port) }
  }
}
