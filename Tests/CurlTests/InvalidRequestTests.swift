import Curl
import Testing

struct InvalidRequestTests {
  private func isRefused(_ request: HTTPRequest) async -> Bool {
    do {
      _ = try await HTTPClient().send(request)
      return false
    } catch .invalidRequest(let reason) {
      return !reason.contains("s3cret")
    } catch { return false }
  }

  @Test(arguments: [
    "", "127.0.0.1/s3cret", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "http://", "http:// /",
    "http://127.0.0.1:99999/s3cret", "http://127.0.0.1/a\0s3cret", "http://127.0.0.1/a\r\nX: s3cret",
  ])
  func `a URL that is none, or of another scheme, is refused`(url: String) async {
    #expect(await isRefused(HTTPRequest(url: url)))
  }

  @Test func `a URL of 12 MB is refused`() async {
    #expect(await isRefused(HTTPRequest(url: "http://127.0.0.1/" + String(repeating: "s3cret", count: 2_000_000))))
  }

  @Test(arguments: [
    ("", "s3cret"), ("a b", "s3cret"), ("a:", "s3cret"), ("ä", "s3cret"), ("X-Key", "s3cret\r\nX-Other: 1"),
    ("X-Key", "s3cret\n"), ("X-Key", "s3cret\0"), ("content-length", "5"), ("Transfer-Encoding", "chunked"),
    ("Expect", "100-continue"),
  ])
  func `a header that could break the message is refused`(name: String, value: String) async {
    #expect(await isRefused(HTTPRequest(url: "http://127.0.0.1/", headers: [(name, value)])))
  }

  @Test(arguments: ["", "get", "GET /", "G\r\nT"])
  func `a method that is none is refused`(method: String) async {
    #expect(await isRefused(HTTPRequest(method: method, url: "http://127.0.0.1/")))
  }

  @Test func `a HEAD request with a body is refused`() async {
    #expect(await isRefused(HTTPRequest(method: "HEAD", url: "http://127.0.0.1/", body: [])))
  }

  @Test(arguments: [
    ("https://user:s3cret@host:8080/a/b?key=s3cret#s3cret", "POST https://host:8080/a/b"),
    ("http://host", "POST http://host"), ("http://host?s3cret@", "POST http://host"), ("s3cret", "POST"),
  ])
  func `a description of a request holds no secret`(url: String, description: String) {
    let request = HTTPRequest(
      method: "POST", url: url, headers: [("Authorization", "Bearer s3cret")], body: Array("s3cret".utf8))
    #expect("\(request)" == description)
    #expect(!String(reflecting: request).contains("s3cret"))
  }
}
