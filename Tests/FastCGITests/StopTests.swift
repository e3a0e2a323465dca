import FastCGI
import Logging
import Testing

@Suite(.timeLimit(.minutes(5)))
struct StopTests {
  @Test func `Stopping answers the current request, refuses new ones, and removes the socket`() async throws {
    let (entered, go) = (Gate(), Gate())
    let handler: TestServer.Handler = { _ in
      entered.open()
      await go.wait()
      return FastCGIResponse(body: .bytes(Array("finished".utf8)))
    }
    let server = try TestServer(handler: handler)
    let client = try server.client()
    try await client.send(Record.request())
    await entered.wait()
    #expect(server.server.activeRequests == 1)
    let stopping = Task { await server.stop() }
    await eventually { (try? server.client()) == nil }
    go.open()
    #expect(try await client.answer().text == "finished")
    await stopping.value
    await server.stop()
    #expect(server.server.activeRequests == 0)
  }

  @Test(arguments: [false, true])
  func `Stopping does not wait long for a client that reads nothing`(isStream: Bool) async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.writeTimeout = .seconds(3600)
    configuration.stopTimeout = .milliseconds(100)
    let handler: TestServer.Handler = { _ in
      guard isStream else { return FastCGIResponse(body: .bytes(pattern(8 << 20))) }
      return FastCGIResponse(body: .stream { stream in while (try? await stream.write(pattern(50_000))) != nil {} })
    }
    let server = try TestServer(configuration, handler: handler)
    let client = try server.client()
    try await client.send(Record.request("GET"))
    await eventually { server.server.activeRequests == 1 }
    await server.stop()
    #expect(try await client.readToEnd().count < 8 << 20)
  }

  @Test func `Stopping waits for a request whose bytes are still coming`() async throws {
    let server = try TestServer()
    let client = try server.client()
    try await client.send(Record.head(contentLength: 4) + Record.content(5, [1, 2]))
    await eventually { server.server.activeRequests == 1 }
    let stopping = Task { await server.stop() }
    await eventually { (try? server.client()) == nil }
    let answer = try await client.exchange(Record.content(5, [3, 4]) + Record.record(5, []))
    #expect(answer.body == [1, 2, 3, 4])
    await stopping.value
  }

  @Test func `Stopping waits for the request of a connection that was made just before`() async throws {
    let server = try TestServer()
    let client = try server.client()
    let stopping = Task { await server.stop() }
    await eventually { (try? server.client()) == nil }
    #expect(try await client.exchange(Record.request(body: [6])).body == [6])
    await stopping.value
  }

  @Test func `Stopping closes connections on which nothing has arrived, and serves what has`() async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.keepConnections = true
    let server = try TestServer(configuration)
    let (idle, kept) = (try server.client(), try server.client())
    _ = try await kept.exchange(Record.request(keep: true))
    let clients = try (0..<20).map { _ in try server.client() }
    for client in clients { try await client.send(Record.request(body: [6])) }
    await server.stop()
    for client in clients { #expect(try await client.answer().body == [6]) }
    #expect(try await idle.readToEnd() == [])
    #expect(try await kept.readToEnd() == [])
  }

  @Test func `Stopping cancels streams, which may still send a last piece`() async throws {
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(
        body: .stream { stream in
          try? await Task.sleep(for: .seconds(3600))
          #expect(stream.isStopping)
          #expect(!stream.isClientGone)
          try? await stream.write(Array("goodbye".utf8))
        })
    }
    let server = try TestServer(handler: handler)
    let client = try server.client()
    try await client.send(Record.request("GET"))
    _ = try await client.nextPiece()
    await server.stop()
    #expect(try await client.nextPiece() == "goodbye")
    #expect(try await client.nextPiece() == nil)
  }

  @Test func `Stopping a server that was never started closes its listener`() async throws {
    let directory = TestDirectory()
    let listener = FastCGIListener.unix(path: directory.file("app.sock"))
    let server = try FastCGIServer(listener: listener, logger: .quiet, handler: echo)
    await server.stop()
    #expect(throws: Peer.Failure.self) { try Peer(unix: directory.file("app.sock")) }
  }
}
