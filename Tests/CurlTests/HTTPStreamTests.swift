import Curl
import Testing

@Suite(.timeLimit(.minutes(5)))
struct HTTPStreamTests {
  let client = HTTPClient()

  @Test func `pieces arrive before the end`() async throws {
    let read = (0..<3).map { _ in Gate() }
    let server = TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Kind: pieces\r\n\r\n")
      for (index, gate) in read.enumerated() {
        connection.write("2\r\np\(index)\r\n")
        gate.blockUntilOpen()
      }
      connection.write("0\r\n\r\n")
    }
    defer { server.stop() }
    let response = try await client.stream(HTTPRequest(url: server.url))
    #expect(response.header("x-kind") == "pieces")
    var pieces: [String] = []
    for try await piece in response.body {
      pieces.append(String(decoding: piece, as: UTF8.self))
      read[pieces.count - 1].open()
    }
    #expect(pieces == ["p0", "p1", "p2"])
  }

  /// A server that sends the body `late` once the gate is open.
  private func lateServer(_ seen: Gate) -> TestServer {
    TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
      seen.blockUntilOpen()
      connection.write("late")
    }
  }

  @Test func `the response is here at the end of its headers`() async throws {
    let seen = Gate()
    let server = lateServer(seen)
    defer { server.stop() }
    let response = try await client.stream(HTTPRequest(url: server.url))
    seen.open()
    #expect(try await collect(response.body) == Array("late".utf8))
  }

  @Test func `a reader that is behind stops the server, and loses nothing`() async throws {
    let pattern = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let stalled = Gate()
    let server = TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(32 << 20)\r\n\r\n")
      for _ in 0..<32 {
        if connection.isStalled(milliseconds: 200) { stalled.open() }
        connection.write(pattern)
      }
    }
    defer { server.stop() }
    let response = try await client.stream(HTTPRequest(url: server.url, maxResponseBytes: 32 << 20))
    await stalled.untilOpen()
    let repeated = pattern + pattern
    var count = 0
    for try await piece in response.body {
      let start = count % pattern.count
      #expect(piece[...] == repeated[start..<start + piece.count], "after \(count) bytes")
      count += piece.count
    }
    #expect(count == 32 << 20)
  }

  @Test func `a paused stream still counts what it decompresses`() async throws {
    let bomb = GzipBody.bomb(ofZeros: 64 << 20)
    let server = TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n")
      connection.write(bomb)
      connection.awaitClose()
    }
    defer { server.stop() }
    let response = try await client.stream(HTTPRequest(url: server.url, maxResponseBytes: 8 << 20))
    #expect(await failure { try await collect(response.body) } == .tooLarge(limit: 8 << 20))
  }

  @Test func `what came before the connection broke is still read`() async throws {
    let server = TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    }
    defer { server.stop() }
    let response = try await client.stream(HTTPRequest(url: server.url))
    var iterator = response.body.makeAsyncIterator()
    #expect(try await iterator.next() == Array("half".utf8))
    for _ in 0..<2 {
      let error = await failure { try await iterator.next() }
      guard case .interrupted = error else { return #expect(error == .interrupted("broken")) }
    }
  }

  @Test func `a stream that has ended stays ended, and its connection is kept`() async throws {
    let server = TestServer.answering { _ in reply("whole") }
    defer { server.stop() }
    for _ in 0..<3 {
      var iterator = try await client.stream(HTTPRequest(url: server.url)).body.makeAsyncIterator()
      #expect(try await iterator.next() == Array("whole".utf8))
      #expect(try await iterator.next() == nil)
      #expect(try await iterator.next() == nil)
    }
    #expect(server.connectionCount == 1)
  }

  @Test func `a stream keeps its client open`() async throws {
    let seen = Gate()
    let server = lateServer(seen)
    defer { server.stop() }
    let response = try await HTTPClient().stream(HTTPRequest(url: server.url))
    seen.open()
    #expect(try await collect(response.body) == Array("late".utf8))
  }

  private func collect(_ body: HTTPBody) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await piece in body { bytes += piece }
    return bytes
  }
}
