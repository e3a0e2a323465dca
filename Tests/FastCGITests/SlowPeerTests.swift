import FastCGI
import Glibc
import Testing

@Suite(.timeLimit(.minutes(5)))
struct SlowPeerTests {
  @Test(arguments: [1, 6])
  func `Slow peers that send a byte now and then are disconnected, and others are served`(count: Int) async throws {
    var configuration = FastCGIServerConfiguration()
    configuration.readTimeout = .seconds(2)
    try await withServer(configuration) { server in
      let dripping = (0..<count).map { _ in Task { try await onThread { try Self.drip(into: server.socket) } } }
      for _ in 0..<20 {
        #expect(try await server.exchange(Record.request(body: [1, 2])).body == [1, 2])
      }
      for peer in dripping { try await peer.value }
      #expect(server.paths == Array(repeating: "/", count: 20))
    }
  }

  @Test func `While the server waits for the rest of several requests, it serves others`() async throws {
    try await withServer { server in
      let slow = try (0..<4).map { _ in try server.client() }
      for client in slow { try await client.send(Record.head(contentLength: 2)) }
      for _ in 0..<20 {
        #expect(try await server.exchange(Record.request(body: [1, 2])).body == [1, 2])
      }
      // No request was given up for that.
      for client in slow { #expect(try await client.exchange(Record.stdin([3, 4])).body == [3, 4]) }
    }
  }

  @Test func `Slow peers that send nothing use no thread, and are disconnected after the read timeout`() async throws {
    var configuration = FastCGIServerConfiguration()
    configuration.readTimeout = .seconds(2)
    configuration.reactorThreads = 2
    configuration.maxReactorThreads = 2
    try await withServer(configuration) { server in
      let idle = try (0..<200).map { _ in try server.client() }
      for _ in 0..<20 {
        #expect(try await server.exchange(Record.request(body: [7])).body == [7])
      }
      for client in idle { #expect(try await client.readToEnd() == []) }
    }
  }

  @Test func `Slow peers that use all connections make others wait, not fail`() async throws {
    var configuration = FastCGIServerConfiguration()
    configuration.maxConnections = 3
    configuration.readTimeout = .seconds(1)
    try await withServer(configuration) { server in
      let idle = try (0..<3).map { _ in try server.client() }
      #expect(try await server.exchange(Record.request(body: [7])).body == [7])
      for client in idle { #expect(try await client.readToEnd() == []) }
    }
  }

  /// Sends a body of which there is always more to come, until that fails because the server has closed.
  private static func drip(into socket: String) throws {
    let peer = try Peer(unix: socket)
    try peer.send(Record.head(contentLength: 1_000_000))
    for _ in 0..<3_000 where (try? peer.send(Record.record(5, [0]))) != nil { usleep(20_000) }
  }
}
