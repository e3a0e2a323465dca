import FastCGI
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ClientGoneTests {
  /// Waits until its task is cancelled, and tells the counter; other paths are answered at once.
  private func waiting(_ cancelled: Counter) -> TestServer.Handler {
    { request in
      guard request.path == "/wait" else { return FastCGIResponse(body: .bytes([7])) }
      do {
        try await Task.sleep(for: .seconds(3600))
      } catch {
        cancelled.add()
      }
      return FastCGIResponse()
    }
  }

  @Test(arguments: [false, true])
  func `A client that leaves frees its connection soon, and its handler is cancelled`(keeps: Bool) async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.keepConnections = keeps
    configuration.maxConnections = 4
    let cancelled = Counter()
    try await withServer(configuration, handler: waiting(cancelled)) { server in
      for round in 1...5 {
        var clients = try (0..<4).map { _ in try server.client() }
        for client in clients { try await client.send(Record.request("GET", "/wait", keep: keeps)) }
        await eventually { server.server.activeRequests == 4 }
        clients = []
        #expect(try await server.exchange(Record.request("GET")).body == [7])
        await eventually { cancelled.count == 4 * round }
      }
    }
  }

  @Test func `A client that leaves is noticed over TCP too`() async throws {
    let cancelled = Counter()
    let server = try FastCGIServer(
      listener: .tcp(host: "127.0.0.1", port: 0), logger: .quiet, handler: waiting(cancelled))
    try server.start()
    var client: FastCGIClient? = try FastCGIClient(port: try #require(server.port))
    try await client?.send(Record.request("GET", "/wait"))
    await eventually { server.activeRequests == 1 }
    client = nil
    await eventually { cancelled.count == 1 && server.activeRequests == 0 }
    await server.stop()
  }

  @Test func `A client that sends its next request early has not left: both are answered, in order`() async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.keepConnections = true
    let (entered, go) = (Gate(), Gate())
    let handler: TestServer.Handler = { request in
      if request.path == "/first" {
        entered.open()
        await go.wait()
      }
      return FastCGIResponse(body: .bytes(Array(request.path.utf8)))
    }
    try await withServer(configuration, handler: handler) { server in
      let client = try server.client()
      try await client.send(Record.request("GET", "/first", keep: true))
      await entered.wait()
      try await client.send(Record.request("GET", "/second", keep: true))
      #expect(try await server.exchange(Record.request("GET", "/other")).text == "/other")
      go.open()
      #expect(try await client.answer().text == "/first")
      #expect(try await client.answer().text == "/second")
    }
  }

  @Test func `A handler that ignores its cancellation runs on, and the server does not wait for it`() async throws {
    let (entered, go, done) = (Gate(), Gate(), Gate())
    let handler: TestServer.Handler = { _ in
      entered.open()
      await go.wait()
      #expect(Task.isCancelled)
      done.open()
      return FastCGIResponse()
    }
    try await withServer(handler: handler) { server in
      var client: FastCGIClient? = try server.client()
      try await client?.send(Record.request("POST", body: [1]))
      await entered.wait()
      client = nil
      await eventually { server.server.activeRequests == 0 }
      go.open()
      await done.wait()
    }
  }

  @Test(arguments: [false, true])
  func `A client that leaves nginx is noticed soon, on kept connections and others`(keeps: Bool) async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.keepConnections = keeps
    let cancelled = Counter()
    try await withServer(configuration, handler: waiting(cancelled)) { server in
      let nginx = try await Nginx(server: server.socket, keep: keeps)
      for round in 1...3 {
        let browser = try nginx.connect()
        try browser.send(Array("GET /wait HTTP/1.1\r\nHost: test\r\n\r\n".utf8))
        await eventually { server.server.activeRequests == 1 }
        browser.hangUp()
        await eventually { cancelled.count == round && server.server.activeRequests == 0 }
        #expect(try await nginx.exchange("GET", "/").status == "HTTP/1.1 200 OK")
      }
    }
  }
}
