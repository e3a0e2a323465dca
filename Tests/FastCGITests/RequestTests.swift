import FastCGI
import Testing

@Suite(.timeLimit(.minutes(5)))
struct RequestTests {
  @Test func `A request keeps path and query as the client sent them`() {
    let request = FastCGIRequest(method: "GET", target: "/a%2Fb/%3F?x=%20&y=?z")
    #expect(request.path == "/a%2Fb/%3F")
    #expect(request.query == "x=%20&y=?z")
  }

  @Test(arguments: [
    ("http://wf.example/status/1?wait=2", "/status/1", "wait=2"), ("HTTPS://[::1]:8000/a", "/a", ""),
    ("http://wf.example", "/", ""), ("http://wf.example?x", "/", "x"), ("/http://a/b", "/http://a/b", ""),
    ("ftp://a/b", "ftp://a/b", ""), ("*", "*", ""), ("/a?http://b/c", "/a", "http://b/c"),
  ])
  func `A request has its path also when the target has a scheme and an authority`(
    target: String, path: String, query: String
  ) {
    let request = FastCGIRequest(method: "GET", target: target)
    #expect(request.path == path)
    #expect(request.query == query)
  }

  @Test(arguments: ["", "?"])
  func `A request has the path / and no query when the target is empty`(target: String) {
    let request = FastCGIRequest(method: "GET", target: target)
    #expect(request.path == "/")
    #expect(request.query == "")
  }

  @Test func `A request has its headers in any case`() {
    let request = FastCGIRequest(
      method: "GET", target: "/", headers: ["Content-Type": "application/json", "X-Request-Id": "7", "Empty": ""],
      parameters: ["REMOTE_ADDR": "::1"])
    #expect(request.header("content-type") == "application/json")
    #expect(request.header("X-REQUEST-ID") == "7")
    #expect(request.header("empty") == "")
    #expect(request.header("request-id") == nil)
    #expect(request.parameter("REMOTE_ADDR") == "::1")
    #expect(request.parameter("REMOTE_ADD") == nil)
    #expect(request.parameter("EMOTE_ADDR") == nil)
  }

  @Test func `A request has every value of a header that comes more than once`() async throws {
    let request = FastCGIRequest(method: "GET", target: "/", headers: ["Key": "a", "Other": "x", "Key": "b"])
    #expect(request.headers("key") == ["a", "b"])
    #expect(request.header("key") == "a")
    #expect(request.headers("none").isEmpty)
  }

  @Test func `A request has no content type when the web server passes an empty one`() {
    #expect(FastCGIRequest(method: "GET", target: "/", headers: ["Content-Type": ""]).header("Content-Type") == nil)
  }

  @Test func `A request may have long names and values`() async throws {
    let long = String(repeating: "v", count: 20_000)
    let report: TestServer.Handler = { request in
      let value = request.header("x-long") ?? ""
      return FastCGIResponse(body: .bytes(Array("\(request.method) \(request.path) \(request.query) \(value)".utf8)))
    }
    try await withServer(handler: report) { server in
      let answer = try await server.exchange(Record.request("PUT", "/p?q", headers: ["HTTP_X_LONG": long]))
      #expect(answer.text == "PUT /p q \(long)")
    }
  }
}
