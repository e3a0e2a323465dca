import Curl
import ExactJSON
import Glibc
import Subprocess
import SystemHarness
import Testing

/// nginx as the production site and `wf dev` set it up: what it answers by itself, and what it leaves alone.
@Suite struct SiteTests {
  /// A request that nginx refuses by itself, and how.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let request: String
    let status: Int
    let detail: String
    let allow: String?

    init(
      _ name: String, _ line: String, _ headers: String = "", body: String = "", gives status: Int, _ detail: String,
      allow: String? = nil
    ) {
      self.allow = allow
      testDescription = name
      let host = name == "no Host" ? "" : "Host: wf.example.org\r\n"
      request = "\(line)\r\n\(host)Connection: close\r\n\(headers)\r\n\(body)"
      self.status = status
      self.detail = detail
    }
  }

  private static let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
  private static let long = String(repeating: "a", count: 9000)

  static let refusals: [Refusal] = [
    .init("no Host", "GET /status/health HTTP/1.1", gives: 400, "could not read"),
    .init("a bad percent sign", "GET /status/%zz HTTP/1.1", gives: 400, "could not read"),
    .init("CONNECT", "CONNECT a:80 HTTP/1.1", gives: 400, "could not read"),
    .init(
      "a bad chunk", "POST /workflow/run HTTP/1.1", chunked, body: "zz\r\n{}\r\n0\r\n\r\n", gives: 400, "could not read"
    ),
    .init(
      "a bad chunk elsewhere", "POST /else HTTP/1.1", chunked, body: "zz\r\n{}\r\n0\r\n\r\n", gives: 400,
      "could not read"),
    .init("a long header", "GET /status/health HTTP/1.1", "X-A: \(long)\r\n", gives: 400, "headers"),
    .init("TRACE", "TRACE /status/health HTTP/1.1", gives: 405, "Method Not Allowed", allow: "GET, HEAD"),
    .init(
      "TRACE of the document", "TRACE /workflow/openapi.json HTTP/1.1", gives: 405, "Method Not Allowed",
      allow: "GET, HEAD"),
    .init("TRACE of a form", "TRACE /workflow HTTP/1.1", gives: 405, "Method Not Allowed", allow: "GET, HEAD, POST"),
    .init(
      "TRACE of the login", "TRACE /workflow/login HTTP/1.1", gives: 405, "Method Not Allowed",
      allow: "GET, HEAD, POST"),
    .init("TRACE where one posts", "TRACE /workflow/run HTTP/1.1", gives: 405, "Method Not Allowed", allow: "POST"),
    .init(
      "a large body", "POST /workflow/run HTTP/1.1", "Content-Length: 3000000\r\n", gives: 413, "client_max_body_size"),
    .init(
      "a large body in chunks", "POST /workflow/run HTTP/1.1", chunked,
      body: "300000\r\n\(String(repeating: " ", count: 0x300000))\r\n0\r\n\r\n", gives: 413, "client_max_body_size"),
    .init(
      "a large body elsewhere", "POST /else HTTP/1.1", "Content-Length: 3000000\r\n", gives: 413, "client_max_body_size"
    ),
    .init("a long address", "GET /status/\(long) HTTP/1.1", gives: 414, "longer"),
    .init("an unknown coding", "POST /workflow/run HTTP/1.1", "Transfer-Encoding: gzip\r\n", gives: 501, "501"),
    .init("HTTP 2.7", "GET /status/health HTTP/2.7", gives: 505, "505"),
    .init("a path beside wf's", "GET /status-page.html HTTP/1.1", gives: 404, "Not Found"),
    .init("a path that only nginx enters", "GET /wf-error/400 HTTP/1.1", gives: 404, "Not Found"),
  ]

  private func expectJSON(_ answer: Host.Answer, _ status: Int, _ detail: String, _ comment: Comment) {
    #expect(answer.status == status, comment)
    #expect(answer.headers["content-type"] == "application/json", comment)
    let text = (try? answer.json["detail"]?.stringValue) ?? ""
    #expect(text.contains(detail), "\(comment): \(answer.body)")
  }

  @Test func `every error of nginx itself is JSON, in the production site and in wf dev`() async throws {
    let stack = try await SharedStack.get()
    let port = try #require(stack.url.split(separator: ":").last.flatMap { UInt16($0) })
    try await Site.with { site in
      for refusal in Self.refusals {
        let name = Comment(rawValue: refusal.testDescription)
        let answer = try site.ask(refusal.request)
        expectJSON(answer, refusal.status, refusal.detail, name)
        #expect(answer.headers["strict-transport-security"] != nil, name)
        #expect(answer.headers["allow"] == refusal.allow, name)
        let connection = try RawConnection(.port(port))
        connection.send(refusal.request)
        let other = try connection.answer()
        expectJSON(other, refusal.status, refusal.detail, name)
        #expect(other.headers["allow"] == refusal.allow, name)
      }
      let get = "GET /status/x HTTP/1.1\r\nHost: wf.example.org\r\nConnection: close\r\n\r\n"
      expectJSON(try site.ask(get, on: "tls"), 400, "https://", "plain HTTP on the port for TLS")
      let away = try site.ask(get)
      expectJSON(away, 502, "could not be reached", "no API")
      #expect(away.headers["retry-after"] == "2")
      #expect(away.headers["strict-transport-security"] != nil)
      let large = "POST /workflow/run HTTP/1.1\r\nHost: a\r\nContent-Length: 1500000\r\n\r\n"
      let spaces = String(repeating: " ", count: 1_500_000)
      expectJSON(try site.ask(large + spaces), 502, "could not be reached", "no API for a large body")
      expectJSON(try site.ask(get, on: "shared"), 502, "could not be reached", "no API, in another site")
    }
  }

  @Test func `a body that nginx cannot keep is an error in JSON`() async throws {
    try await Site.with { site in
      // As on a full disk, the file cannot be made.
      guard rmdir("\(site.folder)/body") == 0 else { throw StackFailure("errno \(errno)") }
      let body = String(repeating: " ", count: 100_000)
      let answer = try site.ask(
        "POST /workflow/run HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n\(body)")
      expectJSON(answer, 500, "500", "no file for the body")
    }
  }

  @Test func `port 80 repeats a POST at the TLS port, and leaves the ACME path open`() async throws {
    try await Site.with { site in
      let rest = "Host: wf.example.org\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
      let redirect = try site.ask("POST /workflow/run?a=%31 HTTP/1.1\r\n\(rest)", on: "http")
      #expect(redirect.status == 308)
      #expect(redirect.headers["location"] == "https://wf.example.org/workflow/run?a=%31")
      let folder = "\(site.folder)/www/.well-known/acme-challenge"
      _ = try await Subprocess.run(
        .name("sh"), arguments: ["-euc", "mkdir -p $1; echo token > $1/x", "sh", folder], output: .discarded)
      let token = try site.ask("GET /.well-known/acme-challenge/x HTTP/1.1\r\n\(rest)", on: "http")
      #expect(token.status == 200)
      #expect(token.body == "token\n")
      let trace = try site.ask("TRACE / HTTP/1.1\r\n\(rest)", on: "http")
      expectJSON(trace, 405, "https://", "TRACE")
      #expect(trace.headers["allow"] == "GET, HEAD, POST, PUT, DELETE")
      #expect(redirect.headers["allow"] == nil)
    }
  }

  @Test func `wf's locations change nothing else in the server that includes them`() async throws {
    try await Site.with { site in
      for path in ["/status-page.html", "/workflows.html", "/statuses", "/workflow-run", "/"] {
        let answer = try site.ask("GET \(path) HTTP/1.0\r\n\r\n", on: "shared")
        #expect(answer.body == "site", "\(path)")
        #expect(answer.headers["x-site"] == "shared", "\(path)")
      }
      for path in ["/status", "/status/", "/status/a/b?c", "/workflow", "/workflow/run", "//status/x"] {
        let answer = try site.ask("GET \(path) HTTP/1.0\r\n\r\n", on: "shared")
        #expect(answer.status == 502, "\(path)")
        #expect(answer.headers["x-site"] == "shared", "\(path)")
      }
      // A POST to another FastCGI application is carried out once, and its errors keep their shape.
      let other = try site.ask("POST /other HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", on: "shared")
      #expect(other.status == 502)
      #expect(other.headers["x-tried"] == "unix:\(site.folder)/closing.sock")
      #expect(other.headers["content-type"] == "text/html")
      #expect(try site.ask("GET /members HTTP/1.0\r\n\r\n", on: "shared").headers["content-type"] == "text/html")
    }
  }

  @Test func `one address can hold a hundred requests, not all connections`() async throws {
    try await Site.with { site in
      let unfinished = "POST /workflow/run HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
      let held = try (0..<100).map { _ in try RawConnection(.unix(site.socket("plain"))) }
      for connection in held { connection.send(unfinished) }
      let get = "GET /status/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      let refused = try await wait("a refusal") {
        let answer = try site.ask(get)
        return answer.status == 429 ? answer : nil
      }
      expectJSON(refused, 429, "slow down", "the hundred and first")
      #expect(refused.headers["retry-after"] == "1")
      let log = String(decoding: try Stack.read("\(site.folder)/error.log"), as: UTF8.self)
      #expect(log.contains("limiting connections by zone \"wf_connections\""))
      #expect(held.count == 100)
    }
  }
}
