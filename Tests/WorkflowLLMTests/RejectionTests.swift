import Curl
import ModelServer
import Testing
import Workflow
import WorkflowLLM

@Suite(.timeLimit(.minutes(5))) struct RejectionTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  @Test(arguments: [400, 401, 402, 403, 404, 413, 422, 425, 451, 301, 307])
  func `What a repeat cannot mend is called once, and the provider's words go to the log`(status: Int) async throws {
    server.behaviour = .status(
      status, headers: [("Retry-After", "1")], body: #"{"error": {"message": "No such\nmodel."}}"#)
    let failure = try await server.repeatedCalls().failure()
    #expect(failure.code == .providerRejected && !failure.isTransient)
    #expect(failure.message == "the model answered \(status)")
    #expect(failure.detail == "No such model.")
    #expect(server.calls.count == 1)
  }

  @Test(
    arguments: [
      (408, ErrorCode.timeout), (409, .providerUnavailable), (429, .rateLimited), (500, .providerUnavailable),
      (424, .providerUnavailable), (498, .providerUnavailable), (502, .providerUnavailable),
      (503, .providerUnavailable), (504, .providerUnavailable),
      (529, .providerUnavailable), (600, .providerUnavailable), (999, .providerUnavailable),
    ])
  func `What may pass is called again, and no number of calls ends that`(status: Int, code: ErrorCode) async throws {
    server.behaviour = .status(status)
    _ = try await RepeatedCalls(server.model(), most: 20).failure()
    #expect(server.calls.count == 20)
    let failure = try await server.model().failure()
    #expect(failure.code == code && failure.isTransient)
    #expect(failure.message == "the model answered \(status)")
  }

  @Test(
    arguments: [
      (#"{"error": "Overloaded."}"#, "Overloaded."),
      (#"{"error": {"message": "Overloaded.", "code": 7}}"#, "Overloaded."),
      (#"{"object":"error","message":"Overloaded.","code":500}"#, "Overloaded."),
      (#"{"detail":"Overloaded."}"#, "Overloaded."),
      (
        #"{"detail":[{"loc":["body","max_tokens"],"msg":"too large","type":"value_error"},{"loc":["body",1],"msg":"odd"}]}"#,
        "body.max_tokens: too large; body.1: odd"
      ),
      (#"{"errors":[{"code":7,"message":"Overloaded."}]}"#, "Overloaded."),
      (#"[{"error":{"message":"Overloaded."}}]"#, "Overloaded."),
      (#""Overloaded.""#, "Overloaded."), ("Overloaded.\nSorry.", "Overloaded. Sorry."),
      ("<html><head><title>502 Bad Gateway</title></head><body><h1>x</h1></body></html>", "502 Bad Gateway"),
      ("<p>Over<b>loaded</b>.</p>", "Over loaded ."), (#"{"error":{"detail":"Overloaded."}}"#, "Overloaded."),
      (#"{"object":"error","message":{"detail":[{"loc":["body","n"],"msg":"odd"}]}}"#, "body.n: odd"),
      (#"{"error":{"message":"Provider error","metadata":{"raw":"Overloaded."}}}"#, "Provider error: Overloaded."),
      (#"{"errors":{"n":["is odd","is old"]}}"#, "n: is odd; n: is old"),
    ])
  func `The provider's words are found in every shape`(body: String, words: String) async throws {
    server.behaviour = .status(500, body: body)
    let failure = try await server.model().failure()
    #expect(failure.detail == words)
    #expect(failure.message == "the model answered 500")
  }

  @Test(arguments: ["", "<html>", "[]", "{}", #"{"error": {}}"#, #"{"error": {"message": ""}}"#, #"{"error": 7}"#])
  func `A provider without words still has its status`(body: String) async throws {
    server.behaviour = .status(400, body: body)
    let failure = try await server.model().failure()
    #expect(failure.fullMessage == "the model answered 400")
  }

  @Test(arguments: ["x", "\u{301}"]) func `Long words are cut to 300 scalars`(scalar: String) async throws {
    let words = "z" + String(repeating: scalar, count: 100_000)
    server.behaviour = .status(400, body: #"{"error": "\#(words)"}"#)
    #expect(try await server.model(key: "sk-1").failure().detail.unicodeScalars.count == 300)
  }

  @Test func `A redirect is not followed, and the log names where it leads`() async throws {
    server.behaviour = .status(307, headers: [("Location", "/v1/chat/completions/")])
    let failure = try await server.model().failure()
    #expect(failure.message == "the model answered 307")
    #expect(failure.detail == "redirected to /v1/chat/completions/")
    #expect(server.calls.count == 1)
  }

  @Test(arguments: ["insufficient_quota", "exceeded_current_quota_error", "insufficient_balance"])
  func `A quota that is spent does not pass, although its status is that of a rate limit`(type: String) async throws {
    server.behaviour = .status(429, body: #"{"error":{"message":"You exceeded…","type":"\#(type)"}}"#)
    let failure = try await server.repeatedCalls().failure()
    #expect(failure.code == .providerRejected && !failure.isTransient)
    #expect(failure.message == "the model answered 429: the quota is spent")
    #expect(server.calls.count == 1)
  }

  @Test func `The provider's word on whether to try again is obeyed`() async throws {
    server.behaviour = .status(500, headers: [("x-should-retry", "false")])
    #expect(try await server.repeatedCalls().failure().isTransient == false)
    #expect(server.calls.count == 1)
    server.script([.status(200, headers: [("x-should-retry", "false")])])
    #expect(try await server.model().failure().isTransient == false)
    server.script([.status(400, headers: [("X-Should-Retry", "true")]), .answer(text: "the second try")])
    #expect(try await server.repeatedCalls().complete(.example).text == "the second try")
  }

  @Test func `The wait that the provider asks for comes with the failure`() async throws {
    server.script([
      .status(429, headers: [("Retry-After", "7")]),
      .status(503, headers: [("retry-after-ms", "250"), ("Retry-After", "7")]),
      .status(429, headers: [("llm_provider-retry-after", "9")]), .status(429),
    ])
    let model = server.model()
    for wait in [.seconds(7), .milliseconds(250), .seconds(9), nil] as [Duration?] {
      #expect(try await model.failure().retryAfter == wait)
    }
  }

  @Test(
    arguments: [
      .status(401, body: #"{"error": {"message": "Wrong API key: sk-secret."}}"#), .malformed("sk-secret"),
      .status(307, headers: [("Location", "https://x/?key=sk-secret")]), .status(500, body: "<title>sk-secret</title>"),
      .malformed(#"{"choices":[{"message":{"content":null,"refusal":"sk-secret"}}]}"#),
      .malformed(#"{"choices":[{"message":{},"finish_reason":"sk-secret"}]}"#),
      .garbage, .dieInTheMiddle, .hangUp, .hold,
    ] as [ModelServer.Behaviour])
  func `No error repeats the key`(behaviour: ModelServer.Behaviour) async throws {
    server.behaviour = behaviour
    let failure = try await server.model(key: "sk-secret", timeout: .milliseconds(200)).failure()
    #expect(!String(reflecting: failure).contains("sk-secret"))
  }

  @Test(arguments: ["sk-secret\n", "sk-\u{0}secret"])
  func `A key that is no header's value is refused unsent, and unsaid`(key: String) async throws {
    let failure = try await server.model(key: key).failure()
    #expect(failure.code == .providerRejected && !failure.isTransient)
    #expect(!failure.fullMessage.contains("secret"))
    #expect(server.calls.isEmpty)
  }

  @Test func `What may be seen of a failure names no URL, and the log no secret of it`() async throws {
    let base = "http://me:sk-secret@127.0.0.1:1/v1"
    let model = server.model { $0.baseURL = base }
    let failure = try await model.failure()
    #expect(["there is no connection to the model", "the connection to the model broke off"].contains(failure.message))
    #expect(failure.detail.hasPrefix("POST http://127.0.0.1:1/v1/chat/completions: "))
    #expect(!failure.detail.contains("secret"))
  }
}
