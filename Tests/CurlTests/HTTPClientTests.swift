import Curl
import Testing

@Suite(.timeLimit(.minutes(5)))
struct HTTPClientTests {
  let client = HTTPClient()

  @Test func `a response has its status, its headers and its body`() async throws {
    let server = TestServer.answering { _ in
      "HTTP/1.1 404 Not Found\r\nX-Note: a\r\nX-NOTE: b\r\nContent-Length: 5\r\n\r\nnever"
    }
    defer { server.stop() }
    let response = try await client.send(HTTPRequest(url: server.url))
    #expect(response.status == 404)
    #expect(response.header("x-note") == "a")
    #expect(response.headers.map(\.value) == ["a", "b", "5"])
    #expect(response.body == Array("never".utf8))
  }

  @Test func `a request arrives as it was made, with nothing added to its body`() async throws {
    let server = TestServer.answering { request in reply("\(request.head)\n\(request.body.count)") }
    defer { server.stop() }
    var request = HTTPRequest(method: "PUT", url: server.url + "a?b=c", body: [UInt8](repeating: 7, count: 2 << 20))
    request.headers = [("Authorization", "Bearer s3cret"), ("X-Empty", "")]
    let lines = text(try await client.send(request)).split(whereSeparator: \.isNewline)
    #expect(lines.first == "PUT /a?b=c HTTP/1.1")
    #expect(lines.last == "2097152")
    #expect(lines.contains("Authorization: Bearer s3cret"))
    #expect(lines.contains("X-Empty:"))
    for absent in ["Expect:", "Content-Type:", "User-Agent:"] { #expect(!lines.contains { $0.hasPrefix(absent) }) }
  }

  @Test(arguments: ["POST", "PUT", "PATCH"])
  func `a request without a body says so where its method has one`(method: String) async throws {
    let server = TestServer.answering { request in reply(request.header("Content-Length") ?? "none") }
    defer { server.stop() }
    for body in [nil, []] as [[UInt8]?] {
      let response = try await client.send(HTTPRequest(method: method, url: server.url, body: body))
      #expect(text(response) == "0")
    }
  }

  @Test(arguments: ["GET", "DELETE"])
  func `a request without a body says nothing where its method has none`(method: String) async throws {
    let server = TestServer.answering { request in reply(request.header("Content-Length") ?? "none") }
    defer { server.stop() }
    #expect(text(try await client.send(HTTPRequest(method: method, url: server.url))) == "none")
  }

  @Test func `a body may hold any bytes, and a GET may have one`() async throws {
    let server = TestServer.answering { request in reply("\(request.head.prefix(3)) \(request.body)") }
    defer { server.stop() }
    #expect(text(try await client.send(HTTPRequest(url: server.url, body: [0, 255, 0]))) == "GET [0, 255, 0]")
  }

  @Test func `a HEAD request waits for no body`() async throws {
    let server = TestServer.answering { _ in "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" }
    defer { server.stop() }
    let response = try await client.send(HTTPRequest(method: "HEAD", url: server.url))
    #expect(response.header("content-length") == "1000")
    #expect(response.body.isEmpty)
  }

  @Test func `a redirect is returned, not followed`() async throws {
    let server = TestServer.answering { _ in
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\n\r\n"
    }
    defer { server.stop() }
    let response = try await client.send(HTTPRequest(url: server.url))
    #expect(response.status == 302)
    #expect(response.header("Location") == "http://127.0.0.1:1/elsewhere")
  }

  @Test func `only the final headers count, without interim responses and trailers`() async throws {
    let server = TestServer.answering { _ in
      "HTTP/1.1 100 Continue\r\nX-Note: too early\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Note: early\r\n\r\n"
        + "HTTP/1.1 201 Created\r\nX-Note: in time\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Note: late\r\n\r\n"
    }
    defer { server.stop() }
    let response = try await client.send(HTTPRequest(url: server.url))
    #expect(response.status == 201)
    #expect(response.headers.filter { $0.name == "X-Note" }.map(\.value) == ["in time"])
    #expect(text(response) == "abcde")
  }

  @Test func `a compressed body is decompressed`() async throws {
    let server = TestServer { connection in
      let request = connection.readRequest()
      #expect(request?.header("Accept-Encoding")?.contains("gzip") == true)
      connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n")
      connection.write(GzipBody.hello)
    }
    defer { server.stop() }
    #expect(text(try await client.send(HTTPRequest(url: server.url))) == "hello, hello, hello")
  }

  @Test func `a connection is kept for the next request`() async throws {
    let server = TestServer.answering { _ in reply("again") }
    defer { server.stop() }
    for _ in 0..<5 { #expect(try await client.send(HTTPRequest(url: server.url)).status == 200) }
    #expect(server.connectionCount == 1)
  }

  @Test func `a connection that has grown old takes no further request`() async throws {
    let server = TestServer.answering { _ in reply("again") }
    defer { server.stop() }
    let client = HTTPClient(.init(maxConnectionAge: .seconds(1)))
    let start = ContinuousClock.now
    while server.connectionCount < 2, .now - start < .seconds(20) {
      #expect(try await client.send(HTTPRequest(url: server.url)).status == 200)
    }
    #expect(server.connectionCount == 2)
    #expect(.now - start >= .seconds(1))
  }

  @Test(arguments: ["GET", "POST"])
  func `a kept connection that the server has closed is replaced`(method: String) async throws {
    let server = TestServer { connection in
      if connection.readRequest() != nil { connection.write(reply("and closed")) }
    }
    defer { server.stop() }
    for _ in 0..<20 {
      #expect(text(try await client.send(HTTPRequest(method: method, url: server.url))) == "and closed")
    }
  }

  @Test func `the client's user agent stands in for a missing one`() async throws {
    let server = TestServer.answering { request in reply(request.header("User-Agent") ?? "none") }
    defer { server.stop() }
    let client = HTTPClient(HTTPClientConfiguration(userAgent: "tests/1"))
    #expect(text(try await client.send(HTTPRequest(url: server.url))) == "tests/1")
    #expect(text(try await client.send(HTTPRequest(url: server.url, headers: [("user-agent", "own/2")]))) == "own/2")
  }
}

/// A response with that body, on a connection that is kept.
func reply(_ body: String) -> String { "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)" }

/// The body as text.
func text(_ response: HTTPResponse) -> String { String(decoding: response.body, as: UTF8.self) }
