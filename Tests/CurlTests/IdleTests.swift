import Curl
import Testing

/// Responses that stop in their midst.
@Suite(.timeLimit(.minutes(5))) struct IdleTests {
  let client = HTTPClient()

  private func server(_ serve: @escaping @Sendable (TestConnection) -> Void) -> TestServer {
    TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
      serve(connection)
    }
  }

  @Test func `A response that stops is ended, and what came of it is read`() async throws {
    let server = server { $0.awaitClose() }
    defer { server.stop() }
    var request = HTTPRequest(url: server.url, timeout: .seconds(50))
    request.idleTimeout = .milliseconds(50)
    var iterator = try await client.stream(request).body.makeAsyncIterator()
    #expect(try await iterator.next() == Array("half".utf8))
    await #expect(throws: HTTPError.timedOut(.idle)) { try await iterator.next() }
  }

  @Test func `Many at once are each ended`() async throws {
    let server = server { $0.awaitClose() }
    defer { server.stop() }
    await withTaskGroup(of: Void.self) { group in
      for number in 1...40 {
        group.addTask {
          var request = HTTPRequest(url: server.url, timeout: .seconds(50))
          request.idleTimeout = .milliseconds(10 * number)
          await #expect(throws: HTTPError.timedOut(.idle)) { try await client.send(request) }
        }
      }
    }
  }

  @Test func `The time before the first byte of the body does not count`() async throws {
    let gate = Gate()
    let server = TestServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
      gate.blockUntilOpen()
      connection.write("late")
    }
    defer { server.stop() }
    var request = HTTPRequest(url: server.url, timeout: .seconds(50))
    request.idleTimeout = .milliseconds(20)
    let response = try await client.stream(request)
    // Another response that is ended meanwhile shows that the time is looked at.
    let other = self.server { $0.awaitClose() }
    defer { other.stop() }
    var second = HTTPRequest(url: other.url, timeout: .seconds(50))
    second.idleTimeout = .milliseconds(200)
    await #expect(throws: HTTPError.timedOut(.idle)) { try await client.send(second) }
    gate.open()
    var iterator = response.body.makeAsyncIterator()
    #expect(try await iterator.next() == Array("late".utf8))
  }

  @Test func `A body that is cancelled closes its connection`() async throws {
    let closed = Gate()
    let server = server { connection in
      connection.awaitClose()
      closed.open()
    }
    defer { server.stop() }
    let response = try await client.stream(HTTPRequest(url: server.url, timeout: .seconds(50)))
    response.body.cancel()
    await closed.untilOpen()
    var iterator = response.body.makeAsyncIterator()
    await #expect(throws: HTTPError.cancelled) { try await iterator.next() }
  }
}
