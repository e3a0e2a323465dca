import Curl
import Testing

@Suite(.timeLimit(.minutes(5)))
struct FailureTests {
  let client = HTTPClient()

  /// Sends one request to a server that serves so, and returns how it failed.
  private func failure(
    of adjust: (inout HTTPRequest) -> Void = { _ in }, serve: @escaping @Sendable (TestConnection) -> Void
  ) async throws -> HTTPError {
    let server = TestServer(serve)
    defer { server.stop() }
    var request = HTTPRequest(url: server.url, timeout: .seconds(30))
    adjust(&request)
    return try #require(await failure(of: request))
  }

  private func failure(of request: HTTPRequest) async -> HTTPError? {
    do {
      let response = try await client.send(request)
      Issue.record("there was a response: \(response.status)")
      return nil
    } catch { return error }
  }

  @Test func `a port where nobody listens is no connection`() async {
    let error = await failure(of: HTTPRequest(url: "http://127.0.0.1:\(TestServer.refusingPort())/"))
    guard case .cannotConnect = error else { return #expect(error == .cannotConnect("refused")) }
  }

  @Test func `a server that never answers runs out of time while it is waited for`() async throws {
    let error = try await failure(of: { $0.timeout = .milliseconds(100) }) { $0.awaitClose() }
    #expect(error == .timedOut(.waiting))
  }

  @Test func `headers that stop half way run out of time`() async throws {
    let error = try await failure(of: { $0.timeout = .milliseconds(100) }) { connection in
      connection.write("HTTP/1.1 200 OK\r\nX-Half: ")
      connection.awaitClose()
    }
    #expect(error == .timedOut(.waiting))
  }

  @Test func `a body that stops half way runs out of time while it is received`() async throws {
    let error = try await failure(of: { $0.timeout = .seconds(2) }) { connection in
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
      connection.awaitClose()
    }
    #expect(error == .timedOut(.receiving))
  }

  @Test func `a handshake that never ends is a connection not made in time`() async throws {
    let error = try await failure(
      of: { request in
        request.url = request.url.replacing("http:", with: "https:")
        request.connectTimeout = .milliseconds(100)
      }, serve: { $0.awaitClose() })
    #expect(error == .timedOut(.connecting))
  }

  @Test(arguments: [
    "", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n",
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
  ])
  func `what is not a whole HTTP response is a connection that broke`(sent: String) async throws {
    let error = try await failure { connection in
      _ = connection.readRequest()
      connection.write(sent)
    }
    guard case .interrupted = error else { return #expect(error == .interrupted("broken")) }
  }

  /// More than the kernel takes for a server that does not read.
  private static let largeBody = [UInt8](repeating: 1, count: 32 << 20)

  @Test func `A request that was not sent as a whole is told from one that was`() async throws {
    func failure(_ body: [UInt8], _ serve: @escaping @Sendable (TestConnection) -> Void) async throws -> HTTPError {
      try await self.failure(
        of: { ($0.method, $0.body, $0.timeout) = ("POST", body, .seconds(1)) }, serve: serve)
    }
    #expect(try await failure(Self.largeBody) { $0.awaitStop() } == .timedOut(.sending))
    let cut = try await failure(Self.largeBody) { $0.write("") }
    guard case .unsent = cut else { return #expect(cut == .unsent("reset")) }
    let whole = try await failure([1]) { _ = $0.readRequest() }
    guard case .interrupted = whole else { return #expect(whole == .interrupted("reset")) }
  }

  @Test func `a server without TLS is no answer to https, and no repeat helps`() async throws {
    let error = try await failure(
      of: { $0.url = $0.url.replacing("http:", with: "https:") }, serve: { $0.write(reply("plain")) })
    guard case .tlsFailed = error else { return #expect(error == .tlsFailed("not TLS")) }
  }

  @Test func `a connection lost during the handshake is a connection that broke`() async throws {
    let error = try await failure(
      of: { $0.url = $0.url.replacing("http:", with: "https:") }, serve: { $0.write([0x16, 0x03]) })
    guard case .unsent = error else { return #expect(error == .unsent("handshake")) }
  }

  @Test func `a body is read up to its limit and not a byte further`() async throws {
    let server = TestServer.answering { _ in reply(String(repeating: "x", count: 1000)) }
    defer { server.stop() }
    var request = HTTPRequest(url: server.url, maxResponseBytes: 1000)
    #expect(try await client.send(request).body.count == 1000)
    request.maxResponseBytes = 999
    #expect(await failure(of: request) == .tooLarge(limit: 999))
  }

  @Test func `a body without end is cut at the limit`() async throws {
    let error = try await failure { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\n\r\n")
      while connection.write([UInt8](repeating: 1, count: 65536)) {}
    }
    #expect(error == .tooLarge(limit: 10 << 20))
  }

  @Test func `a compressed body counts as what it becomes`() async throws {
    let bomb = GzipBody.bomb(ofZeros: 64 << 20)
    #expect(bomb.count < 1 << 20)
    let error = try await failure { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n")
      connection.write(bomb)
      connection.awaitClose()
    }
    #expect(error == .tooLarge(limit: 10 << 20))
  }

  @Test func `headers without end are cut as well`() async throws {
    let error = try await failure { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\n")
      let header = "X-Filler: \(String(repeating: "x", count: 1000))\r\n"
      while connection.write(header) {}
    }
    #expect(error == .tooLarge(limit: 256 << 10))
  }
}
