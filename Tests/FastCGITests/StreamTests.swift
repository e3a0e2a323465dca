import FastCGI
import Testing

@Suite(.timeLimit(.minutes(5)))
struct StreamTests {
  @Test func `A streamed answer reaches the client piece by piece, before its end`() async throws {
    let (first, second) = (Gate(), Gate())
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(
        body: .stream { stream in
          await first.wait()
          try? await stream.write(Array("one".utf8))
          await second.wait()
          try? await stream.write(Array("two".utf8))
        })
    }
    try await withServer(handler: handler) { server in
      let client = try server.client()
      try await client.send(Record.request("GET"))
      #expect(try await client.nextPiece() == "Status: 200 OK\r\n\r\n")
      first.open()
      #expect(try await client.nextPiece() == "one")
      second.open()
      #expect(try await client.nextPiece() == "two")
      #expect(try await client.nextPiece() == nil)
      #expect(try await client.readToEnd() == [])
    }
  }

  @Test func `A streamed answer is cancelled when its client hangs up while it is idle, and can write no more`()
    async throws
  {
    let noticed = Gate()
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(
        body: .stream { stream in
          try? await stream.write(Array("one".utf8))
          try? await Task.sleep(for: .seconds(3600))
          #expect(stream.isClientGone)
          #expect(!stream.isStopping)
          await #expect(throws: FastCGIClientGone.self) { try await stream.write([1]) }
          noticed.open()
        })
    }
    try await withServer(handler: handler) { server in
      var client: FastCGIClient? = try server.client()
      try await client?.send(Record.request("GET"))
      _ = try await client?.nextPiece()
      #expect(try await client?.nextPiece() == "one")
      client = nil
      await noticed.wait()
      await eventually { server.server.activeRequests == 0 }
    }
  }

  @Test func `A streamed answer waits for a slow client without delaying other streams`() async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.writerThreads = 1
    let pieces = Counter()
    let handler: TestServer.Handler = { request in
      FastCGIResponse(
        body: .stream { stream in
          for _ in 0..<(request.path == "/slow" ? 100 : 3) {
            try? await stream.write(pattern(50_000))
            if request.path == "/slow" { pieces.add() }
          }
        })
    }
    try await withServer(configuration, handler: handler) { server in
      let slow = try server.client()
      try await slow.send(Record.request("GET", "/slow"))
      for _ in 0..<20 {
        #expect(try await server.exchange(Record.request("GET", "/fast")).body.count == 150_000)
      }
      #expect(pieces.count < 10)
      #expect(try await slow.answer().body.count == 5_000_000)
    }
  }

  @Test func `A streamed answer ends when its client reads nothing for the write timeout`() async throws {
    var configuration = FastCGIServerConfiguration()
    configuration.writeTimeout = .milliseconds(200)
    let dropped = Gate()
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(
        body: .stream { stream in
          while (try? await stream.write(pattern(50_000))) != nil {}
          dropped.open()
        })
    }
    try await withServer(configuration, handler: handler) { server in
      let client = try server.client()
      try await client.send(Record.request("GET"))
      await dropped.wait()
      #expect(try await client.readToEnd().count < 1 << 20)
    }
  }

  @Test func `A streamed answer disconnects a client when tasks queue more than the limit`() async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.maxQueuedStreamBytes = 100_000
    let failures = Counter()
    let done = Gate()
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(
        body: .stream { stream in
          await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
              group.addTask {
                if (try? await stream.write(pattern(30_000))) == nil { failures.add() }
              }
            }
          }
          done.open()
        })
    }
    try await withServer(configuration, handler: handler) { server in
      let client = try server.client()
      try await client.send(Record.request("GET"))
      await done.wait()
      #expect(failures.count > 0)
      await eventually { server.server.activeRequests == 0 }
    }
  }

  @Test func `Many streamed answers are open at once on few threads`() async throws {
    let go = Gate()
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(
        body: .stream { stream in
          await go.wait()
          try? await stream.write(Array("news".utf8))
        })
    }
    try await withServer(handler: handler) { server in
      let clients = try (0..<300).map { _ in try server.client() }
      for client in clients { try await client.send(Record.request("GET")) }
      await eventually { server.server.activeRequests == 300 }
      go.open()
      for client in clients { #expect(try await client.answer().text == "news") }
    }
  }

  @Test func `A streamed answer to HEAD is its head, and the stream is not run`() async throws {
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(headers: [("X-A", "b")], body: .stream { _ in Issue.record("the stream was run") })
    }
    try await withServer(handler: handler) { server in
      let answer = try await server.exchange(Record.request("HEAD"))
      #expect(answer.head == ["Status: 200 OK", "X-A: b"])
      #expect(answer.body == [])
    }
  }
}
