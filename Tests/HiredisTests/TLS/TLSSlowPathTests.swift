import RedisFixture
import Testing

@testable import Hiredis

/// TLS over a slow line: records come in pieces, and go in pieces.
@Suite(.timeLimit(.minutes(5))) struct TLSSlowPathTests {
  @Test func `Records that come byte by byte make handshakes, replies and messages`() async throws {
    let redis = try TLSServer()
    let proxy = try SlowProxy(to: redis.port, slice: 1)
    defer { proxy.close() }
    let connection = RedisConnection(try redis.address(port: proxy.port))
    let value = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
    var command: RedisArguments = ["SET", "k"]
    command.append(value)
    #expect(try await connection.send(command) == .status("OK"))
    #expect(try await connection.send(["GET", "k"]).bytesValue == value)
    let events = Events<String>()
    let subscription = RedisSubscription(
      LinkConfiguration(
        address: try redis.address(port: proxy.port), name: "reader", logger: LogEvents().logger, limits: LinkLimits()),
      .init(
        onMessage: { events.record("\($0): \(String(decoding: $1, as: UTF8.self))") },
        onSubscribe: { events.record("subscribed to \($0)") }, onConnect: {}))
    subscription.subscribe("a")
    await events.next { $0 == "subscribed to a" }
    #expect(try await connection.send(["PUBLISH", "a", "x"]) == .integer(1))
    #expect(await events.next() == "a: x")
    #expect(connection.generation == 1)
    subscription.close()
    connection.close()
  }

  @Test func `A command that takes longer than its timeout to get through is sent once and answered`() async throws {
    let redis = try TLSServer()
    let proxy = try SlowProxy(to: redis.port, slice: 32 << 10, pause: 20_000)
    defer { proxy.close() }
    let limits = LinkLimits(silence: .milliseconds(1_500))
    let connection = RedisConnection(try redis.address(port: proxy.port), limits: limits)
    _ = try await connection.send(["PING"])
    var command: RedisArguments = ["APPEND", "k"]
    command.append([UInt8](repeating: 0, count: 6_000_000))
    let start = ContinuousClock.now
    #expect(try await connection.send(command, timeout: .milliseconds(1_500)) == .integer(6_000_000))
    #expect(try await connection.send(["GET", "k"], timeout: .milliseconds(1_500)).bytesValue?.count == 6_000_000)
    // Both ways took longer than the timeout, which was the point.
    #expect(ContinuousClock.now - start > .seconds(3))
    #expect(connection.generation == 1)
    connection.close()
  }

  @Test func `A server that falls silent in the middle of a handshake is left`() async throws {
    let redis = try TLSServer()
    let log = LogEvents()
    let first = RedisConnection(try redis.address())
    _ = try await first.send(["PING"])
    first.close()
    redis.server.pause()
    let connection = RedisConnection(try redis.address(), limits: .short, log: log)
    #expect(await log.line(containing: "no TLS handshake within 0.3 seconds") != nil)
    redis.server.resume()
    #expect(try await connection.send(["PING"]) == .status("PONG"))
    connection.close()
  }
}
