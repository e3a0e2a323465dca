import RedisFixture
import Testing

@testable import Hiredis

/// Scripts that count once a replica has them.
@Suite(.timeLimit(.minutes(5))) struct ReplicaWaitTests {
  /// Writes once, and finds afterwards that it is written.
  private let script = RedisScript(
    name: "once", source: "if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SET', KEYS[1], 1) end return 'ok'")
  private let wait = ReplicaWait(for: 1, within: .milliseconds(200), channel: "c")

  private func run(
    _ redis: RedisConnection, _ key: String, script other: RedisScript? = nil, wait: ReplicaWait? = nil
  ) async throws(RedisError) -> RedisReply {
    try await redis.evaluate(
      other ?? script, keys: [key], arguments: [], replicas: wait ?? self.wait, timeout: timeout)
  }

  private func isUnreplicated(_ run: () async throws(RedisError) -> RedisReply) async -> Bool {
    do throws(RedisError) {
      _ = try await run()
      return false
    } catch {
      if case .unreplicated(let reason, _) = error { return reason.contains("0 of 1 replicas") }
      return false
    }
  }

  @Test func `A script counts when a replica has it, and not while the replica stands still`() async throws {
    let pair = try await ReplicatedRedis.start(sentinels: 0)
    let redis = RedisConnection(try pair.servers[0].address())
    let patient = ReplicaWait(for: 1, within: .seconds(20), channel: "c")
    #expect(try await run(redis, "a", wait: patient) == .bytes(Array("ok".utf8)))
    pair.servers[1].pause()
    #expect(await isUnreplicated { () throws(RedisError) in try await run(redis, "b") })
    // Over another connection, where the script finds that all is written.
    let other = RedisConnection(try pair.servers[0].address())
    #expect(await isUnreplicated { () throws(RedisError) in try await run(other, "b") })
    pair.servers[1].resume()
    #expect(try await run(other, "b", wait: patient) == .bytes(Array("ok".utf8)))
    #expect(try await RedisConnection(pair.servers[0].address()).send(["GET", "b"]).string == "1")
  }

  @Test func `Commands count when a replica has them, also those that find nothing to do, and none at all`()
    async throws
  {
    let pair = try await ReplicatedRedis.start(sentinels: 0)
    let redis = RedisConnection(try pair.servers[0].address())
    let patient = ReplicaWait(for: 1, within: .seconds(20), channel: "c")
    let commands: [RedisArguments] = [["SET", "a", "1"], ["UNLINK", "a"], ["UNLINK", "b"]]
    let ok = RedisReply.status("OK")
    #expect(try await redis.send(commands, replicas: patient, timeout: timeout) == [ok, .integer(1), .integer(0)])
    await #expect(throws: RedisError.self) {
      try await redis.send([["SET", "a", "1"], ["LPUSH", "a", "x"]], replicas: patient, timeout: timeout)
    }
    pair.servers[1].pause()
    _ = try await redis.send(["SET", "c", "1"], timeout: timeout)
    let other = RedisConnection(try pair.servers[0].address())
    for commands in [[["UNLINK", "none"]], []] as [[RedisArguments]] {
      await #expect(throws: RedisError.self) { try await other.send(commands, replicas: wait, timeout: timeout) }
    }
    pair.servers[1].resume()
    #expect(try await other.send([], replicas: patient, timeout: timeout) == [])
  }

  @Test func `A server that has forgotten the script is told again, and an error of the script comes first`()
    async throws
  {
    let server = RedisServer()
    let redis = RedisConnection(try server.address())
    _ = try await redis.send(["SCRIPT", "FLUSH"])
    #expect(await isUnreplicated { () throws(RedisError) in try await run(redis, "forgotten") })
    let failing = RedisScript(name: "failing", source: "return {err = 'CONFLICT other document'}")
    await #expect(throws: RedisError.reply(RedisReplyError(code: "CONFLICT", message: "other document"))) {
      try await run(redis, "failing", script: failing)
    }
    withExtendedLifetime(server) {}
  }
}
