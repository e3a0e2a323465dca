import Curl
import ModelServer
import Testing
import Workflow
import WorkflowLLM

@Suite(.timeLimit(.minutes(1))) struct RejectionTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  @Test(arguments: [400, 401, 403, 404, 413, 422, 301, 204])
  func `What a repeat cannot mend is called once and fails with the provider's words`(status: Int) async throws {
    let isEmpty = status == 204
    server.behaviour = .status(
      status, headers: [("Retry-After", "1")], body: isEmpty ? "" : #"{"error": {"message": "No such\nmodel."}}"#)
    let failure = try await server.retryingModel().failure()
    #expect(failure.code == .providerRejected && !failure.isTransient)
    #expect(failure.message == "the model answered \(status)" + (isEmpty ? "" : ": No such model."))
    #expect(server.calls.count == 1)
  }

  @Test(
    arguments: [
      (408, ErrorCode.timeout), (409, .providerUnavailable), (429, .rateLimited), (500, .providerUnavailable),
      (503, .providerUnavailable), (529, .providerUnavailable),
    ])
  func `What may pass is called four times and fails by its kind`(status: Int, code: ErrorCode) async throws {
    server.behaviour = .status(status)
    let failure = try await server.retryingModel().failure()
    #expect(failure.code == code && failure.isTransient)
    #expect(failure.message == "the model answered \(status)")
    #expect(server.calls.count == 4)
  }

  @Test(arguments: [#"{"error": "Overloaded."}"#, #"{"error": {"message": "Overloaded.", "code": 7}}"#])
  func `The provider's words are found in either shape`(body: String) async throws {
    server.behaviour = .status(500, body: body)
    #expect(try await server.model().failure().message == "the model answered 500: Overloaded.")
  }

  @Test(arguments: ["", "<html>", "[]", "{}", #"{"error": {}}"#, #"{"error": {"message": ""}}"#, #"{"error": 7}"#])
  func `A provider without words still has its status`(body: String) async throws {
    server.behaviour = .status(400, body: body)
    #expect(try await server.model().failure().message == "the model answered 400")
  }

  @Test(arguments: ["x", "\u{301}"]) func `Long words are cut to 300 scalars`(scalar: String) async throws {
    let words = "z" + String(repeating: scalar, count: 100_000)
    server.behaviour = .status(400, body: #"{"error": "\#(words)"}"#)
    let message = try await server.model().failure().message
    #expect(message.unicodeScalars.count == "the model answered 400: ".count + 300)
  }

  @Test func `The wait that the provider asks for comes with the failure`() async throws {
    server.script([
      .status(429, headers: [("Retry-After", "7")]),
      .status(503, headers: [("retry-after-ms", "250"), ("Retry-After", "7")]), .status(429),
    ])
    let model = server.model()
    #expect(try await model.failure().retryAfter == .seconds(7))
    #expect(try await model.failure().retryAfter == .milliseconds(250))
    #expect(try await model.failure().retryAfter == nil)
  }

  @Test(
    arguments: [
      .status(401, body: #"{"error": {"message": "Wrong API key: sk-secret."}}"#), .malformed("sk-secret"),
      .garbage, .dieInTheMiddle, .hangUp, .hold,
    ] as [ModelServer.Behaviour])
  func `No error repeats the key`(behaviour: ModelServer.Behaviour) async throws {
    server.behaviour = behaviour
    let failure = try await server.model(key: "sk-secret", timeout: .milliseconds(200)).failure()
    #expect(failure.code != nil)
    #expect(!String(reflecting: failure).contains("sk-secret"))
  }

  @Test(arguments: ["sk-secret\n", "sk-\u{0}secret"])
  func `A key that is no header's value is refused unsent, and unsaid`(key: String) async throws {
    let failure = try await server.model(key: key).failure()
    #expect(failure.code == .providerRejected && !failure.isTransient)
    #expect(!failure.message.contains("secret"))
    #expect(server.calls.isEmpty)
  }

  @Test func `No error repeats what the base URL keeps to itself`() async throws {
    let base = "http://me:sk-secret@127.0.0.1:1/v1"
    let model = OpenAIChatModel(client: HTTPClient(), configuration: .init(baseURL: base, model: "gpt-test"))
    let message = try await model.failure().message
    #expect(message.hasPrefix("POST http://127.0.0.1:1/v1/chat/completions: There is no connection"))
    #expect(!message.contains("secret"))
  }
}
