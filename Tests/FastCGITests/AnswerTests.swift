import Testing

@testable import FastCGI

@Suite(.timeLimit(.minutes(5)))
struct AnswerTests {
  @Test func `An answer has its location before its status, as HAProxy requires, then headers and length`() async throws
  {
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(status: 202, headers: [("Location", "/status/1"), ("X-A", "ü")], body: .bytes([104, 105]))
    }
    try await withServer(handler: handler) { server in
      let answer = try await server.exchange(Record.request())
      #expect(answer.head == ["Location: /status/1", "Status: 202 Accepted", "X-A: ü", "Content-Length: 2"])
      #expect(answer.text == "hi")
    }
  }

  @Test func `An answer with a line break in a header's value stops the process`() async {
    await #expect(processExitsWith: .failure) {
      _ = FastCGIResponse(headers: [("X-A", "b\r\nX-C: d")]).head(contentLength: 0)
    }
  }

  @Test(arguments: [204, 304])
  func `An answer has no length where HTTP allows no body`(status: Int) async throws {
    try await withServer(handler: { _ in FastCGIResponse(status: status) }) { server in
      let answer = try await server.exchange(Record.request("GET"))
      #expect(answer.header("Content-Length") == nil)
      #expect(answer.body == [])
    }
  }

  @Test(arguments: [0, 10, 1 << 20])
  func `An answer to HEAD is that to GET without the body`(count: Int) async throws {
    try await withServer(handler: { _ in FastCGIResponse(body: .bytes(pattern(count))) }) { server in
      let answer = try await server.exchange(Record.request("HEAD"))
      #expect(answer.header("Content-Length") == "\(count)")
      #expect(answer.body == [])
    }
  }

  @Test(arguments: [8000, 8184, 16_300, 16_384, 65_536, 300_000])
  func `An answer of any size arrives whole`(count: Int) async throws {
    try await withServer(handler: { _ in FastCGIResponse(body: .bytes(pattern(count))) }) { server in
      let answer = try await server.exchange(Record.request("GET"))
      #expect(answer.body == pattern(count))
    }
  }

  @Test(arguments: [10, 100_000])
  func `An answer in pieces arrives whole, and releases what it holds once it is sent`(count: Int) async throws {
    let released = Gate()
    let handler: TestServer.Handler = { _ in
      var response = FastCGIResponse(body: .pieces([pattern(count), [], pattern(7), pattern(3 * count)]))
      response.holding = Holding(released)
      return response
    }
    try await withServer(handler: handler) { server in
      let client = try server.client()
      try await client.send(Record.request("GET"))
      // More than a socket's buffer holds is not out before it is read.
      if count > 10 { #expect(!released.isOpen) }
      let answer = try await client.answer()
      #expect(answer.header("Content-Length") == "\(4 * count + 7)")
      #expect(answer.body == pattern(count) + pattern(7) + pattern(3 * count))
      await released.wait()
    }
  }

  @Test func `An answer whose client has left releases what it holds`() async throws {
    let (entered, go, released) = (Gate(), Gate(), Gate())
    let handler: TestServer.Handler = { _ in
      entered.open()
      await go.wait()
      var response = FastCGIResponse(body: .bytes(pattern(1 << 20)))
      response.holding = Holding(released)
      return response
    }
    try await withServer(handler: handler) { server in
      var client: FastCGIClient? = try server.client()
      try await client?.send(Record.request("GET"))
      await entered.wait()
      client = nil
      go.open()
      await released.wait()
    }
  }

  private final class Holding: Sendable {
    private let released: Gate
    init(_ released: Gate) { self.released = released }
    deinit { released.open() }
  }

  @Test func `An answer of 8 MB to a slow client delays no other and arrives whole`() async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.writerThreads = 1
    let large = pattern(8 << 20)
    let handler: TestServer.Handler = { FastCGIResponse(body: .bytes($0.path == "/large" ? large : pattern(100_000))) }
    try await withServer(configuration, handler: handler) { server in
      let slow = try (0..<4).map { _ in try server.client() }
      for client in slow { try await client.send(Record.request("GET", "/large")) }
      for _ in 0..<10 {
        let other = try await server.exchange(Record.request("GET", "/other"))
        #expect(other.body == pattern(100_000))
      }
      #expect(server.server.activeRequests >= 4)
      for client in slow { #expect(try await client.answer().body == large) }
    }
  }

  @Test func `An answer that its client does not read is aborted after the write timeout`() async throws {
    var configuration = FastCGIServerConfiguration()
    configuration.writeTimeout = .seconds(2)
    configuration.writerThreads = 1
    try await withServer(configuration, handler: { _ in FastCGIResponse(body: .bytes(pattern(8 << 20))) }) { server in
      let stuck = try server.client()
      try await stuck.send(Record.request("GET", "/stuck"))
      let other = try await server.exchange(Record.request("GET", "/other"))
      #expect(other.body.count == 8 << 20)
      await eventually { server.server.activeRequests == 0 }
      let received = try await stuck.readToEnd()
      #expect(received.count < 8 << 20)
    }
  }

  @Test func `An answer to a client that has left affects no other`() async throws {
    let (entered, go) = (Gate(), Gate())
    let handler: TestServer.Handler = { request in
      if request.path == "/gone" {
        entered.open()
        await go.wait()
      }
      return FastCGIResponse()
    }
    try await withServer(handler: handler) { server in
      var gone: FastCGIClient? = try server.client()
      try await gone?.send(Record.request("GET", "/gone"))
      await entered.wait()
      gone = nil
      go.open()
      await eventually { server.server.activeRequests == 0 }
      #expect(try await server.exchange(Record.request("GET")).status == "Status: 200 OK")
    }
  }
}
