import Glibc
import RedisFixture
import Testing

@testable import Hiredis

/// Two servers under one name: a failover moves the name, and leaves the old primary reachable as a replica.
@Suite(.timeLimit(.minutes(5))) struct FailoverTests {
  private let log = LogEvents()

  /// A name for a server's socket, which may be moved to another.
  private final class Name: Sendable {
    let path = "/tmp/redis-name-\(UInt64.random(in: .min ... .max))"

    deinit { unlink(path) }

    func move(to server: RedisServer) throws {
      guard case .unix(let socket) = try server.address().endpoint else { return }
      unlink(path)
      try #require(symlink(socket, path) == 0)
    }

    var address: RedisAddress { get throws { try RedisAddress("redis+unix://\(path)") } }
  }

  private func demote(_ server: RedisConnection) async throws {
    _ = try await server.send(["REPLICAOF", "127.0.0.1", "1"])
  }

  @Test func `A write goes to the new primary, whether or not the old one can still be reached`() async throws {
    let (old, new, name) = (RedisServer(), RedisServer(), Name())
    try name.move(to: old)
    let admin = RedisConnection(try old.address())
    let redis = RedisConnection(try name.address, limits: .talkative, log: log)
    _ = try await redis.send(["SET", "k", "1"])
    try await demote(admin)
    try name.move(to: new)
    #expect(try await redis.send(["SET", "k", "2"]) == .status("OK"))
    #expect(try await admin.send(["GET", "k"]).string == "1")
    #expect(try await RedisConnection(new.address()).send(["GET", "k"]).string == "2")
    #expect(await log.line(containing: "connection to Redis lost")?.contains("READONLY") == true)
  }

  @Test func `As long as the name leads to a replica the link waits for the primary, and says so once`() async throws {
    let (server, name) = (RedisServer(), Name())
    try name.move(to: server)
    let admin = RedisConnection(try server.address())
    let redis = RedisConnection(try name.address, limits: .talkative, log: log)
    _ = try await redis.send(["SET", "k", "1"])
    try await demote(admin)
    let write = Task { try await redis.send(["SET", "k", "2"]) }
    _ = await log.line(containing: "connection to Redis lost")
    let line = await log.lines.next()
    #expect(line?.hasPrefix("error: Redis refuses: this Redis is a replica") == true)
    #expect(line?.contains("set REDIS_URL to the primary") == true)
    guard case .unavailable(let reason, outcomeUnknown: false) = await redis.refusal(of: ["SET", "k", "3"]) else {
      Issue.record("a replica was to take no write")
      return
    }
    #expect(reason.contains("replica"))
    _ = try await admin.send(["REPLICAOF", "NO", "ONE"])
    #expect(try await write.value == .status("OK"))
    // Of the attempts in between there is no line.
    #expect(await log.lines.next() == "info: connected to Redis")
  }

  @Test func `A replica that cannot tell its role is left again and again, and that is said once`() async throws {
    let server = RedisServer("--rename-command", "HELLO", "")
    let admin = RedisConnection(try server.address())
    _ = try await admin.send(["SET", "k", "1"])
    try await demote(admin)
    let redis = RedisConnection(try server.address(), log: log)
    #expect(await log.lines.next() == "info: connected to Redis")
    for _ in 1...5 { _ = await redis.refusal(of: ["SET", "k", "2"]) }
    let before = redis.generation
    #expect(before > 1)
    _ = try await admin.send(["REPLICAOF", "NO", "ONE"])
    #expect(try await redis.send(["SET", "k", "2"]) == .status("OK"))
    redis.close()
    #expect(await log.lines.next()?.contains("READONLY") == true)
    // On a slow machine it is said again after the interval of the log, but not for each attempt.
    log.lines.record("the end")
    var lines = 0
    while let line = await log.lines.next(), line != "the end" { lines += 1 }
    #expect(lines < before)
  }

  @Test func `A subscription follows when another connection has found a replica`() async throws {
    let (old, new, name) = (RedisServer(), RedisServer(), Name())
    try name.move(to: old)
    let admin = RedisConnection(try old.address())
    let redis = RedisConnection(try name.address)
    let (connects, messages) = (Events<Void>(), Events<String>())
    let subscription = RedisSubscription(
      LinkConfiguration(address: try name.address, name: "test", logger: log.logger, limits: .short),
      .init(
        onMessage: { _, payload in messages.record(String(decoding: payload, as: UTF8.self)) }, onSubscribe: { _ in },
        onConnect: { connects.record(()) }))
    subscription.subscribe("c")
    await connects.next()
    // A connection that is made only after the move never meets the replica.
    _ = try await redis.send(["SET", "k", "1"])
    try await demote(admin)
    try name.move(to: new)
    _ = try await redis.send(["SET", "k", "2"])
    await connects.next()
    let publisher = RedisConnection(try new.address())
    while try await publisher.send(["PUBLISH", "c", "news"]) == .integer(0) { try Task.checkCancellation() }
    #expect(await messages.next() == "news")
    subscription.close()
  }

  @Test func `A replica that loads its data is left for the primary`() async throws {
    let (old, new, name) = (RedisServer("--enable-debug-command", "yes"), RedisServer(), Name())
    try name.move(to: old)
    let redis = RedisConnection(try name.address)
    _ = try await redis.send(["DEBUG", "POPULATE", "20000"])
    let admin = RedisConnection(try old.address())
    _ = try await admin.send(["CONFIG", "SET", "key-load-delay", "1000"])
    _ = try await admin.send(["CONFIG", "SET", "loading-process-events-interval-bytes", "1024"])
    let reload = Task { try await admin.send(["DEBUG", "RELOAD"]) }
    while await redis.refusal(of: ["DBSIZE"]) == nil {}
    try name.move(to: new)
    #expect(try await redis.send(["DBSIZE"]) == .integer(0))
    reload.cancel()
  }
}
