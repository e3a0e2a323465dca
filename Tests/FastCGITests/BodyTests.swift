import FastCGI
import Testing

@Suite(.timeLimit(.minutes(5)))
struct BodyTests {
  @Test(arguments: [0, 1, 8183, 8184, 8191, 8192, 8193, 65535, 65536, 1 << 20])
  func `A body reaches the handler as it was sent, byte by byte`(count: Int) async throws {
    try await withServer { server in
      let body = pattern(count)
      let answer = try await server.exchange(Record.request(body: body))
      #expect(answer.status == "Status: 200 OK")
      #expect(answer.header("Content-Length") == "\(count)")
      #expect(answer.body == body)
    }
  }

  @Test(arguments: [0, 5, 8192, 100_000])
  func `A body may come without an announced length`(count: Int) async throws {
    try await withServer { server in
      let body = pattern(count)
      let answer = try await server.exchange(Record.head(contentLength: nil) + Record.stdin(body))
      #expect(answer.body == body)
    }
  }

  @Test(arguments: [0, 5, 8192, 100_000])
  func `A body may come with the length -1, as Caddy sends for an unknown one`(count: Int) async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.maxBodyBytes = 50_000
    configuration.keepConnections = true
    try await withServer(configuration) { server in
      let client = try server.client()
      for _ in 0..<2 {
        let request = Record.head(contentLength: -1, keep: true) + Record.stdin(pattern(count))
        let answer = try await client.exchange(request)
        #expect(answer.body == (count > 50_000 ? Array("50000".utf8) : pattern(count)))
      }
    }
  }

  @Test(arguments: [1001, nil])
  func `A body over the limit is discarded, announced or not`(announced: Int?) async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.maxBodyBytes = 1000
    try await withServer(configuration) { server in
      let fits = try await server.exchange(Record.request(body: pattern(1000)))
      #expect(fits.body == pattern(1000))
      let over = Record.head(contentLength: announced) + Record.stdin(pattern(1001))
      let answer = try await server.exchange(over)
      #expect(answer.status == "Status: 413 Content Too Large")
      #expect(answer.text == "1000")
    }
  }

  @Test(arguments: ["9", "11", "-10", "x", "1e1"])
  func `A body of another than the announced length never reaches the handler`(length: String) async throws {
    try await withServer { server in
      let client = try server.client()
      let lie = [14, UInt8(length.utf8.count)] + Array("CONTENT_LENGTH\(length)".utf8)
      try await client.send(Record.begin() + Record.content(4, lie) + Record.record(4, []) + Record.stdin(pattern(10)))
      #expect(try await client.readToEnd() == [])
      #expect(server.paths == [])
    }
  }

  @Test(arguments: [0, 7, 30, 60, 5000, 9000])
  func `A body that is cut off never reaches the handler`(after count: Int) async throws {
    try await withServer { server in
      let client = try server.client()
      let request = Record.request(body: pattern(10_000))
      try await client.send(Array(request.prefix(count)))
      client.peer.endSending()
      #expect(try await client.readToEnd() == [])
      #expect(server.paths == [])
      let other = try await server.exchange(Record.request("GET", "/other"))
      #expect(other.status == "Status: 200 OK")
    }
  }

  @Test func `A request that the web server aborts never reaches the handler`() async throws {
    try await withServer { server in
      let client = try server.client()
      try await client.send(Record.head(contentLength: 10) + Record.content(5, pattern(3)) + Record.record(2, []))
      #expect(try await client.readToEnd() == [])
      #expect(server.paths == [])
    }
  }

  @Test(arguments: [UInt8(2), 3, 9])
  func `A request for another role than responder closes the connection`(role: UInt8) async throws {
    try await withServer { server in
      let client = try server.client()
      try await client.send(Record.begin(role: role) + Record.record(4, []) + Record.stdin([]))
      #expect(try await client.readToEnd() == [])
      #expect(server.paths == [])
    }
  }
}
