import Curl
import ExactJSON
import ModelServer
import Testing
import Workflow

@testable import WorkflowOperations

/// Redirects: followed one by one, each checked as the first request was.
@Suite(.timeLimit(.minutes(5))) struct HTTPRedirectTests {
  private func redirect(_ status: Int, _ location: String) -> ModelServer.Behaviour {
    .status(status, headers: [("Location", location)])
  }

  private static let secrets: JSONObject = [
    "Authorization": "Bearer secret", "Cookie": "secret", "X-Api-Key": "secret", "Accept": "text/x",
    "Content-Type": "text/y",
  ]

  @Test(arguments: [
    (301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (303, "PUT", "GET"), (303, "HEAD", "HEAD"),
    (301, "PUT", "PUT"), (302, "DELETE", "DELETE"), (307, "POST", "POST"), (308, "PATCH", "PATCH"), (302, "GET", "GET"),
  ])
  func `A redirect keeps method and body, or becomes a GET, as in browsers`(status: Int, method: String, next: String)
    async throws
  {
    let allowed = try AllowedServer()
    allowed.server.script([redirect(status, "/b?c=d"), .status(200, body: "there")])
    var params: JSONObject = ["method": .string(method), "headers": .object(Self.secrets)]
    if method != "HEAD" { params["body"] = "text" }
    _ = try await allowed.outputs("/a", params)
    let calls = allowed.server.calls
    #expect(calls.map(\.method) == [method, next] && calls.last?.path == "/b?c=d")
    #expect(calls.last?.raw == (next == "HEAD" || next != method ? [] : Array("text".utf8)))
    #expect(calls.last?.headers["content-type"] == (next == method ? "text/y" : nil))
    // The server is the same.
    #expect(calls.last?.headers["authorization"] == "Bearer secret" && calls.last?.headers["x-api-key"] == "secret")
    #expect(calls.last?.headers["idempotency-key"] == "job/step")
  }

  @Test func `Another server gets no header that may be a credential`() async throws {
    let other = try ModelServer()
    other.behaviour = .status(200, body: "other")
    let allowed = try AllowedServer(others: ["127.0.0.1:\(other.port)"])
    allowed.server.script([redirect(307, "http://127.0.0.1:\(other.port)/x")])
    let outputs = try await allowed.outputs(
      "/", ["method": "POST", "body": "text", "headers": .object(Self.secrets)])
    #expect(outputs["body"] == "other")
    let call = try #require(other.calls.first)
    #expect(String(decoding: call.raw, as: UTF8.self) == "text")
    #expect(call.headers["accept"] == "text/x" && call.headers["content-type"] == "text/y")
    #expect(!call.headers.values.contains { $0.contains("secret") })
    other.close()
  }

  @Test func `A redirect to a host that is not allowed is not followed`() async throws {
    let other = try ModelServer()
    let allowed = try AllowedServer(others: ["localhost:\(other.port)"], blocks: ["127.0.0.1"])
    for (location, reason) in [
      ("http://127.0.0.1:\(other.port)/x?secret", "http://127.0.0.1:\(other.port) is not allowed (WF_HTTP_ALLOW)"),
      ("//other.example/secret", "http://other.example is not allowed (WF_HTTP_ALLOW)"),
      ("ftp://127.0.0.1/", "its scheme must be http or https"),
      ("http://user:secret@127.0.0.1/", "it has a user or a password; they belong in an Authorization header"),
    ] {
      allowed.server.script([redirect(302, location)])
      let failure = await stepFailure { try await allowed.outputs() }
      #expect(
        failure
          == .init(
            code: "operation_failed", message: "a redirect of \(allowed.url) cannot be followed: \(reason)"))
    }
    #expect(other.calls.isEmpty)
    other.close()
  }

  @Test func `A redirect to an allowed name with a private address is not followed`() async throws {
    let allowed = try AllowedServer(others: ["localhost:81"], blocks: ["127.0.0.1"])
    let open = try AllowedServer(others: ["*:81"], blocks: ["127.0.0.1"])
    open.server.script([redirect(302, "http://10.0.0.1:81/")])
    let literal = await stepFailure { try await open.outputs() }
    #expect(literal?.message.hasSuffix("the address 10.0.0.1 is not public (WF_HTTP_ALLOW_PRIVATE)") == true)
    // Not known before the name is resolved.
    let none = HTTPAccess(hosts: [try #require(HTTPHostPattern("localhost:\(allowed.server.port)"))])
    let operation = SendHTTPRequest(client: SendHTTPRequest.client(none), access: none)
    let url = "http://localhost:\(allowed.server.port)"
    let failure = await stepFailure { try await operation.outputs(["url": .string(url + "/secret")]) }
    #expect(
      failure
        == .init(code: "operation_failed", message: "\(url) has an address that is not public (WF_HTTP_ALLOW_PRIVATE)"))
    #expect(allowed.server.calls.isEmpty)
  }

  @Test func `Five redirects are followed, and no more`() async throws {
    let allowed = try AllowedServer()
    allowed.server.script((1...5).map { redirect(302, "/\($0)") } + [.status(200, body: "end")])
    #expect(try await allowed.outputs()["body"] == "end")
    allowed.server.behaviour = redirect(302, "/again")
    let failure = await stepFailure { try await allowed.outputs() }
    #expect(failure == .init(code: "provider_rejected", message: "there were more than 5 redirects"))
    #expect(allowed.server.calls.count == 6 + 6)
  }

  @Test func `A redirect that is expected is returned, and one without a location is a status`() async throws {
    let allowed = try AllowedServer()
    allowed.server.script([redirect(302, "/next"), .status(302)])
    let outputs = try await allowed.outputs("/", ["expect": ["3xx"]])
    #expect(outputs["status"] == 302 && outputs["headers"]?.objectValue?["location"] == "/next")
    #expect(await stepFailure { try await allowed.outputs() }?.message == "\(allowed.url) answered 302")
  }

  @Test func `A redirect to https is followed`() throws {
    let access = HTTPAccess(hosts: [try #require(HTTPHostPattern("*"))])
    var exchange = HTTPExchange(
      SendHTTPRequest.client(access), ResponseRoom(bytes: 1), access, expected: try ExpectedStatuses(nil),
      timeout: .seconds(1), limit: (1, "x"), method: "GET", url: try HTTPURL("http://a.example/"),
      headers: try HTTPStepHeaders(nil), body: nil)
    try exchange.follow("https://a.example/", status: 301)
    #expect(exchange.url.origin == "https://a.example")
  }

  @Test(.enabled(if: TLSServer.isThere, "needs openssl"))
  func `A redirect from https to http is not followed, and a strange certificate is not trusted`() async throws {
    let plain = try ModelServer()
    let secure = try TLSServer(redirectingTo: "http://127.0.0.1:\(plain.port)/")
    defer { secure.stop() }
    let access = HTTPAccess(
      hosts: ["127.0.0.1:\(plain.port)", "127.0.0.1:\(secure.port)"].compactMap(HTTPHostPattern.init),
      privateBlocks: ["127.0.0.1"].compactMap(IPAddressBlock.init))
    let origin = "https://127.0.0.1:\(secure.port)"
    func failure(trusting certificate: String?) async -> StepFailureText? {
      let operation = SendHTTPRequest(
        client: SendHTTPRequest.client(access, authoritiesFile: certificate), access: access)
      return await stepFailure { try await operation.outputs(["url": .string(origin + "/answer")]) }
    }
    #expect(
      await failure(trusting: secure.certificate)
        == .init(
          code: "operation_failed",
          message: "a redirect of \(origin) cannot be followed: it leads from https to http"))
    #expect(
      await failure(trusting: nil)
        == .init(code: "provider_rejected", message: "the certificate of \(origin) is not trusted"))
    #expect(plain.calls.isEmpty)
    plain.close()
  }
}
