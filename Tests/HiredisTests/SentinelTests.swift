import RedisFixture
import Testing

@testable import Hiredis

/// Real sentinels, whose primary dies.
@Suite(.timeLimit(.minutes(5))) struct SentinelTests {
  private let log = LogEvents()

  @Test func `A replica that sentinels promote takes the commands that the dead primary has not answered`() async throws
  {
    let group = try await ReplicatedRedis.start()
    try await group.waitUntilWatched()
    let redis = RedisConnection(try group.address(), limits: .talkative, log: log)
    let subscription = RedisSubscription(
      LinkConfiguration(address: try group.address(), name: "test", logger: log.logger, limits: LinkLimits()),
      .init(onMessage: { _, _ in }, onSubscribe: { _ in }, onConnect: {}))
    subscription.subscribe("c")
    _ = try await redis.send(["SET", "k", "1"])
    #expect(try await redis.send(["WAIT", "1", "20000"]) == .integer(1))
    group.servers[0].kill()
    #expect(try await redis.send(["APPEND", "k", "2"]) == .integer(2))
    let promoted = RedisConnection(try group.servers[1].address())
    #expect(try await promoted.send(["GET", "k"]).string == "12")
    while try await promoted.send(["PUBLISH", "c", "news"]) == .integer(0) { try Task.checkCancellation() }
    subscription.close()
  }

  @Test func `A primary that sentinels have replaced is left before they demote it`() async throws {
    let group = try await ReplicatedRedis.start()
    try await group.waitUntilWatched()
    let redis = RedisConnection(try group.address(), limits: .talkative, log: log)
    #expect(try await redis.send(["SET", "k", "1"]) == .status("OK"))
    try await group.failOver()
    let line = await log.line(containing: "connection to Redis lost")
    #expect(line?.contains("a sentinel names another primary, 127.0.0.1:\(group.port(of: 1))") == true)
    #expect(try await redis.send(["SET", "k", "2"]) == .status("OK"))
    #expect(try await RedisConnection(group.servers[1].address()).send(["GET", "k"]).string == "2")
  }

  @Test func `The next sentinel is asked when one is dead, and it comes first from then on`() async throws {
    let group = try await ReplicatedRedis.start(replicas: 0)
    let address = try group.address()
    group.killSentinel(0)
    let redis = RedisConnection(address, log: log)
    #expect(try await redis.send(["PING"]) == .status("PONG"))
    #expect(SentinelPreference.of(address.endpoint).first == 1)
  }

  @Test func `Another sentinel comes first when what one has named cannot be used`() async throws {
    let group = try await ReplicatedRedis.start(replicas: 0)
    let address = try group.address()
    // The sentinels name the dead primary for as long as they have no replica to promote.
    group.servers[0].kill()
    // One attempt alone.
    let limits = LinkLimits(logInterval: .zero, firstBackoff: .seconds(3_600), longestBackoff: .seconds(3_600))
    let redis = RedisConnection(address, limits: limits, log: log)
    let line = await log.line(containing: "cannot reach Redis")
    #expect(line?.contains("at 127.0.0.1:\(group.port(of: 0)), which a sentinel names: cannot connect") == true)
    #expect(SentinelPreference.of(address.endpoint).first != 0)
    redis.close()
  }

  @Test func `What is wrong with the sentinels is said with what to do`() async throws {
    let group = try await ReplicatedRedis.start(replicas: 0, sentinels: 1)
    func expect(_ address: RedisAddress, _ texts: String...) async {
      let log = LogEvents()
      let redis = RedisConnection(address, limits: .talkative, log: log)
      let line = await log.lines.next() ?? ""
      for text in texts { #expect(line.contains(text), "\(line)") }
      redis.close()
    }
    await expect(try group.address(name: "other"), "error: Redis refuses", "it knows no primary of this name", "NAME")
    let server = "redis+sentinel://127.0.0.1:\(group.port(of: 0))/main"
    await expect(try RedisAddress(server), "127.0.0.1:\(group.port(of: 0)): ERR", "this is no sentinel")
    group.killSentinel(0)
    await expect(try group.address(), "warning: cannot reach Redis", "Connection refused", "the primary main")
  }

  @Test func `Sentinels have a login of their own`() async throws {
    let group = try await ReplicatedRedis.start(
      replicas: 0, sentinels: 1, sentinelSettings: ["user app on >s3cret +@all", "requirepass other"])
    var address = try group.address()
    let refused = RedisConnection(address, limits: .talkative, log: log)
    let line = await log.lines.next()
    #expect(line?.contains("NOAUTH") == true && line?.contains("REDIS_SENTINEL_PASSWORD") == true)
    refused.close()
    address.sentinelLogin = .init(user: "app", password: "s3cret")
    #expect(try await RedisConnection(address).send(["PING"]) == .status("PONG"))
    address.sentinelLogin = .init(password: "other")
    #expect(try await RedisConnection(address).send(["PING"]) == .status("PONG"))
    #expect(!"\(address)".contains("other"))
  }

  @Test func `A report tells what each sentinel knows`() async throws {
    let group = try await ReplicatedRedis.start()
    try await group.waitUntilWatched()
    group.killSentinel(2)
    let reports = try await group.address().sentinelReports()
    #expect(reports.count == 3 && reports[2].primary == nil && reports[2].failure?.contains("refused") == true)
    for report in reports[..<2] {
      #expect(report.primary == .init(name: "127.0.0.1", port: group.port(of: 0)))
      #expect(report.facts?.quorum == 2 && report.facts?.sentinels == 3 && report.facts?.replicas == 1)
    }
  }
}
