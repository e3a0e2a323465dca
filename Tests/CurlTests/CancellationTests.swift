import Curl
import Testing

@Suite(.timeLimit(.minutes(5)))
struct CancellationTests {
  let client = HTTPClient()

  /// A server that says when a request has come, and when the client has closed the connection.
  private func silentServer(after answer: String = "") -> (server: TestServer, asked: Gate, closed: Gate) {
    let (asked, closed) = (Gate(), Gate())
    let server = TestServer { connection in
      _ = connection.readRequest()
      connection.write(answer)
      asked.open()
      connection.awaitClose()
      closed.open()
    }
    return (server, asked, closed)
  }

  @Test func `cancelling the task ends the request, and the server sees the connection close`() async {
    let (server, asked, closed) = silentServer()
    defer { server.stop() }
    let task = Task { try await client.send(HTTPRequest(url: server.url)) }
    await asked.untilOpen()
    task.cancel()
    #expect(await failure { try await task.value } == .cancelled)
    await closed.untilOpen()
  }

  @Test func `a task that is cancelled already sends nothing`() async {
    let server = TestServer.answering { _ in reply("") }
    defer { server.stop() }
    let begin = Gate()
    let task = Task {
      await begin.untilOpen()
      return try await client.send(HTTPRequest(url: server.url))
    }
    task.cancel()
    begin.open()
    #expect(await failure { try await task.value } == .cancelled)
    #expect(server.connectionCount == 0)
  }

  @Test func `a cancellation that races with the answer ends each request once`() async {
    let server = TestServer.answering { _ in reply("fast") }
    defer { server.stop() }
    for round in 0..<200 {
      let task = Task { try await client.send(HTTPRequest(url: server.url)) }
      for _ in 0..<round { await Task.yield() }
      task.cancel()
      do {
        #expect(text(try await task.value) == "fast")
      } catch { #expect(error as? HTTPError == .cancelled) }
    }
  }

  @Test func `cancelling the reader of a stream ends the stream, and the server sees it`() async throws {
    let (server, _, closed) = silentServer(after: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    defer { server.stop() }
    let halfRead = Gate()
    let task = Task {
      for try await _ in try await client.stream(HTTPRequest(url: server.url)).body { halfRead.open() }
    }
    await halfRead.untilOpen()
    task.cancel()
    #expect(await failure { try await task.value } == .cancelled)
    await closed.untilOpen()
  }

  @Test func `dropping a stream closes its connection`() async throws {
    let (server, _, closed) = silentServer(after: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    defer { server.stop() }
    do {
      let response = try await client.stream(HTTPRequest(url: server.url))
      #expect(response.status == 200)
    }
    await closed.untilOpen()
  }

  @Test func `closing the client ends what is under way, and every later request`() async {
    let (server, asked, closed) = silentServer()
    defer { server.stop() }
    let task = Task { try await client.send(HTTPRequest(url: server.url)) }
    await asked.untilOpen()
    client.close()
    #expect(await failure { try await task.value } == .closed)
    await closed.untilOpen()
    #expect(await failure { try await client.send(HTTPRequest(url: server.url)) } == .closed)
    client.close()
  }
}

/// How the body failed; nil, and a recorded issue, when it did not.
func failure<Value>(_ body: () async throws -> Value) async -> HTTPError? {
  do {
    let value = try await body()
    Issue.record("there was no error but \(value)")
    return nil
  } catch { return error as? HTTPError }
}
