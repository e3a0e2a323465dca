import RedisFixture
import Testing

@testable import Hiredis

/// A slot of a real Redis Cluster that is moved key by key, as `redis-cli --cluster reshard` does it.
@Suite(.timeLimit(.minutes(5))) struct MovingSlotTests {
  /// Writes one key, and then another that it does not name, as wf's scripts do.
  private let both = RedisScript(
    name: "both",
    source: """
      #!lua
      local first = redis.call('INCR', KEYS[1])
      local second = redis.call('INCR', ARGV[1] .. 'second')
      if first ~= second then return redis.error_reply('HALF ' .. first .. ' ' .. second) end
      return first
      """)

  @Test func `A script waits while its slot is moved, and nothing is half written`() async throws {
    let cluster = try await RedisCluster.start()
    let redis = RedisConnection(try cluster.address())
    let prefix = cluster.prefix(at: 0)
    let slot = cluster.slot(of: prefix)
    let routed = redis.routed(to: prefix)
    @Sendable func run(_ timeout: Duration = timeout) async throws(RedisError) -> RedisReply {
      try await routed.evaluate(both, keys: ["\(prefix)first"], arguments: ["\(prefix)"], timeout: timeout)
    }
    #expect(try await run() == .integer(1))
    cluster.beginMove(of: slot, from: 0, to: 1)
    // Before any key has moved, between the two, and when both have.
    for most in 1...3 {
      do throws(RedisError) {
        _ = try await run(.milliseconds(100))
        Issue.record("the script was to wait")
      } catch {
        guard case .unavailable(let reason, outcomeUnknown: false) = error else {
          Issue.record(error)
          continue
        }
        #expect(reason.contains("is being moved") && reason.contains("--cluster fix"))
      }
      if most < 3 { cluster.moveKeys(of: slot, from: 0, to: 1, most: 1) }
    }
    let pending = (0..<10).map { _ in Task { try await run() } }
    #expect(cluster.servers[0].ask("CLUSTER COUNTKEYSINSLOT \(slot)") == "0")
    cluster.endMove(of: slot, to: 1)
    var results: Set<Int> = []
    for task in pending { results.insert(try await task.value.int ?? 0) }
    #expect(results == Set(2...11))
    for key in ["first", "second"] { #expect(cluster.servers[1].ask("GET \(prefix)\(key)") == "11") }
  }

  @Test func `Commands find their key at either node while its slot is moved`() async throws {
    let cluster = try await RedisCluster.start()
    let redis = RedisConnection(try cluster.address())
    let prefix = cluster.prefix(at: 0)
    let slot = cluster.slot(of: prefix)
    let routed = redis.routed(to: prefix)
    for key in ["a", "b", "c"] { _ = try await routed.send(["SET", "\(prefix)\(key)", "\(key)"]) }
    cluster.beginMove(of: slot, from: 0, to: 1)
    cluster.moveKeys(of: slot, from: 0, to: 1, most: 2)
    for key in ["a", "b", "c"] { #expect(try await routed.send(["GET", "\(prefix)\(key)"]).string == key) }
    #expect(try await routed.send(["INCR", "\(prefix)new"]) == .integer(1))
    #expect(cluster.servers[0].ask("CLUSTER COUNTKEYSINSLOT \(slot)") == "1")
    let several: [RedisArguments] = ["a", "b", "c", "new"].map { ["STRLEN", "\(prefix)\($0)"] }
    let pending = Task { try await routed.send(several, timeout: timeout) }
    cluster.moveKeys(of: slot, from: 0, to: 1)
    cluster.endMove(of: slot, to: 1)
    #expect(try await pending.value == Array(repeating: .integer(1), count: 4))
  }

  @Test func `A script counts once replicas have it, also in a cluster`() async throws {
    let cluster = try await RedisCluster.start(replicas: 1)
    let redis = RedisConnection(try cluster.address())
    let prefix = cluster.prefix(at: 0)
    let routed = redis.routed(to: prefix)
    let once = RedisScript(
      name: "once", source: "if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SET', KEYS[1], 1) end return 'ok'")
    func run(_ time: Duration, _ connection: RedisConnection) async throws(RedisError) -> RedisReply {
      try await connection.evaluate(
        once, keys: ["\(prefix)k"], arguments: [],
        replicas: ReplicaWait(for: 1, within: time, channel: "\(prefix)replicas"), timeout: timeout)
    }
    cluster.servers[3].pause()
    await #expect(throws: RedisError.self) { try await run(.milliseconds(100), routed) }
    // Over another connection, where the script finds that all is written.
    let other = RedisConnection(try cluster.address()).routed(to: prefix)
    await #expect(throws: RedisError.self) { try await run(.milliseconds(100), other) }
    cluster.servers[3].resume()
    #expect(try await run(.seconds(20), other).string == "ok")
    #expect(cluster.servers[3].ask("-3 GET \(prefix)k") != "")
  }
}
