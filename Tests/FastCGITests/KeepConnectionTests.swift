import FastCGI
import Testing

@Suite(.timeLimit(.minutes(5)))
struct KeepConnectionTests {
  static var kept: FastCGIServerConfiguration {
    var configuration = FastCGIServerConfiguration.patient
    configuration.keepConnections = true
    configuration.maxBodyBytes = 10_000
    return configuration
  }

  @Test func `A kept connection serves one request after the other`() async throws {
    try await withServer(Self.kept) { server in
      let client = try server.client()
      for count in [0, 1, 9000, 10_001, 8192, 200_000, 3] {
        let answer = try await client.exchange(Record.request(body: pattern(count), keep: true))
        #expect(answer.body == (count > 10_000 ? Array("10000".utf8) : pattern(count)))
      }
      #expect(server.paths.count == 7)
    }
  }

  @Test(arguments: [true, false])
  func `A connection is closed unless both peer and server keep it`(serverKeeps: Bool) async throws {
    try await withServer(serverKeeps ? Self.kept : FastCGIServerConfiguration()) { server in
      let client = try server.client()
      _ = try await client.exchange(Record.request(keep: !serverKeeps))
      #expect(try await client.readToEnd() == [])
    }
  }

  @Test func `A kept connection takes no thread while it is idle`() async throws {
    var configuration = Self.kept
    configuration.reactorThreads = 1
    configuration.maxReactorThreads = 1
    try await withServer(configuration) { server in
      let clients = try (0..<50).map { _ in try server.client() }
      for client in clients + clients.reversed() {
        #expect(try await client.exchange(Record.request(body: [5], keep: true)).body == [5])
      }
    }
  }

  @Test func `A kept connection is closed for a new one only when it is idle and there is no room`() async throws {
    var configuration = Self.kept
    configuration.maxConnections = 3
    let (entered, go) = (Gate(), Gate())
    let handler: TestServer.Handler = { request in
      if request.path == "/wait" {
        entered.open()
        await go.wait()
      }
      return FastCGIResponse(body: .bytes([7]))
    }
    try await withServer(configuration, handler: handler) { server in
      let kept = try (0..<3).map { _ in try server.client() }
      for client in kept { #expect(try await client.exchange(Record.request("GET", keep: true)).body == [7]) }
      let new = try (0..<2).map { _ in try server.client() }
      for client in new { #expect(try await client.exchange(Record.request("GET", keep: true)).body == [7]) }
      // The oldest were closed; the others are as good as before.
      #expect(try await kept[0].readToEnd() == [])
      #expect(try await kept[1].readToEnd() == [])
      try await kept[2].send(Record.request("GET", "/wait", keep: true))
      await entered.wait()
      for _ in 0..<3 { #expect(try await server.exchange(Record.request("GET", keep: true)).body == [7]) }
      go.open()
      #expect(try await kept[2].answer().body == [7])
    }
  }

  @Test func `A kept connection is closed after the keep-alive timeout`() async throws {
    var configuration = Self.kept
    configuration.keepAliveTimeout = .milliseconds(50)
    try await withServer(configuration) { server in
      let client = try server.client()
      _ = try await client.exchange(Record.request(keep: true))
      #expect(try await client.readToEnd() == [])
    }
  }

  @Test func `A kept connection serves again after a stream`() async throws {
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(body: .stream { stream in try? await stream.write(pattern(100_000)) })
    }
    try await withServer(Self.kept, handler: handler) { server in
      let client = try server.client()
      for _ in 0..<3 {
        #expect(try await client.exchange(Record.request("GET", keep: true)).body == pattern(100_000))
      }
    }
  }

  /// A request inside a body, as an attacker would place it so that some alignment of it meets a read's start.
  static let smuggled = Record.request("GET", "/admin/smuggled", headers: ["REMOTE_USER": "root"], keep: true)

  @Test(arguments: [9_000, 20_000])
  func `A kept connection never parses a body as a request, within the limit and over it`(size: Int) async throws {
    try await withServer(Self.kept) { server in
      let client = try server.client()
      for shift in 0..<Self.smuggled.count {
        let answer = try await client.exchange(Record.request(body: Self.attack(size, shift), keep: true))
        #expect(answer.status == (size > 10_000 ? "Status: 413 Content Too Large" : "Status: 200 OK"))
      }
      #expect(server.paths == Array(repeating: "/", count: Self.smuggled.count))
    }
  }

  @Test func `A kept connection through nginx never parses a body as a request`() async throws {
    try await withServer(Self.kept) { server in
      let nginx = try await Nginx(server: server.socket, keep: true)
      for shift in 0..<Self.smuggled.count {
        let answer = try await nginx.exchange("POST", "/post", body: Self.attack(20_000, shift))
        #expect(answer.status.hasSuffix("413 Content Too Large"))
      }
      #expect(server.paths == Array(repeating: "/post", count: Self.smuggled.count))
    }
  }

  private static func attack(_ size: Int, _ shift: Int) -> [UInt8] {
    let repeated = Array(repeating: smuggled, count: size / smuggled.count + 2).flatMap { $0 }
    return Array(repeated[shift..<(shift + size)])
  }
}
