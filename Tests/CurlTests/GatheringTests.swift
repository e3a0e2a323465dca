import Curl
import Synchronization
import Testing

/// Bodies that are read together with others.
@Suite(.timeLimit(.minutes(5)))
struct GatheringTests {
  /// A server that sends each body in pieces, the next one when a client has the last.
  private func server(_ pieces: Int) -> TestServer {
    TestServer { connection in
      while let request = connection.readRequest() {
        connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in 0..<pieces {
          let piece = "\(request.path) \(number)\n"
          guard connection.write("\(String(piece.utf8.count, radix: 16))\r\n\(piece)\r\n") else { return }
        }
        connection.write("0\r\n\r\n")
      }
    }
  }

  private func request(_ server: TestServer, _ path: String) -> HTTPRequest {
    var request = HTTPRequest(url: server.url + path)
    request.gathersBody = true
    return request
  }

  private func text(of body: HTTPBody) async throws -> String {
    var bytes: [UInt8] = []
    for try await piece in body { bytes += piece }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func whole(_ path: String, _ pieces: Int) -> String {
    (0..<pieces).map { "/\(path) \($0)\n" }.joined()
  }

  @Test func `Three hundred bodies that are gathered arrive whole and in order, also over kept connections`()
    async throws
  {
    let server = server(50)
    defer { server.stop() }
    let client = HTTPClient()
    for _ in 0..<2 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<300 {
          group.addTask {
            let response = try await client.stream(self.request(server, "\(number)"))
            let seen = try await self.text(of: response.body)
            #expect(seen == self.whole("\(number)", 50))
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test
  func `While others are gathered, each piece is seen though nothing follows it, and any of them can be cancelled`()
    async throws
  {
    let sent = Mutex(0)
    let closed = Gate()
    let server = TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
      sent.withLock { $0 += 1 }
      connection.awaitClose()
      closed.open()
    }
    defer { server.stop() }
    let client = HTTPClient()
    var bodies: [HTTPBody] = []
    for number in 0..<100 {
      let response = try await client.stream(request(server, "\(number)"))
      var iterator = response.body.makeAsyncIterator()
      #expect(try await iterator.next() == Array("half".utf8))
      bodies.append(response.body)
    }
    bodies[0].cancel()
    await closed.untilOpen()
    client.close()
    for body in bodies.dropFirst() {
      var iterator = body.makeAsyncIterator()
      await #expect(throws: HTTPError.closed) { try await iterator.next() }
    }
  }

  @Test func `A body that is gathered is stopped when its reader is behind, and loses nothing`() async throws {
    let count = 4 << 20
    let stalled = Gate()
    let server = TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
      for number in 0..<(count >> 16) {
        if connection.isStalled(milliseconds: 200) { stalled.open() }
        connection.write([UInt8](repeating: UInt8(number), count: 1 << 16))
      }
    }
    defer { server.stop() }
    let response = try await HTTPClient().stream(request(server, ""), buffering: 1 << 14)
    await stalled.untilOpen()
    var bytes: [UInt8] = []
    for try await piece in response.body { bytes += piece }
    #expect(bytes == (0..<(count >> 16)).flatMap { [UInt8](repeating: UInt8($0), count: 1 << 16) })
  }

  @Test func `A body can be taken on the client's thread, from where its reader is, and the client be released there`()
    async throws
  {
    let server = server(50)
    defer { server.stop() }
    for _ in 0..<20 {
      let bytes = Mutex<[UInt8]>([])
      let body = try await HTTPClient().stream(request(server, "a")).body
      var iterator = body.makeAsyncIterator()
      let first = try await iterator.next() ?? []
      try await body.passOn { piece in
        bytes.withLock { $0 += piece }
        return true
      }
      #expect(bytes.withLock { String(decoding: first + $0, as: UTF8.self) } == whole("a", 50))
    }
  }

  /// Sends a part of its answer, and opens the gate when the client has closed the connection.
  private func serverOfAHalf(_ closed: Gate) -> TestServer {
    TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
      connection.awaitClose()
      closed.open()
    }
  }

  @Test func `Who takes a body ends it by saying so`() async throws {
    let closed = Gate()
    let server = serverOfAHalf(closed)
    defer { server.stop() }
    let body = try await HTTPClient().stream(request(server, "")).body
    await #expect(throws: HTTPError.cancelled) { try await body.passOn { _ in false } }
    await closed.untilOpen()
  }

  @Test func `Cancelling the task of who takes a body closes its connection`() async throws {
    let (taken, closed) = (Gate(), Gate())
    let server = serverOfAHalf(closed)
    defer { server.stop() }
    let body = try await HTTPClient().stream(request(server, "")).body
    let task = Task {
      try await body.passOn { _ in
        taken.open()
        return true
      }
    }
    await taken.untilOpen()
    task.cancel()
    await closed.untilOpen()
    await #expect(throws: HTTPError.cancelled) { try await task.value }
  }
}
