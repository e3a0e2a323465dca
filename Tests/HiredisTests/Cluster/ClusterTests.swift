import LinuxSupport
import RedisFixture
import Testing

@testable import Hiredis

extension LinkLimits {
  /// The map of a cluster is read again only when something contradicts it.
  static let trusting = LinkLimits(clusterCheck: .seconds(3_600), logInterval: .zero)
}

/// A real Redis Cluster.
@Suite(.timeLimit(.minutes(5))) struct ClusterTests {
  private let log = LogEvents()
  private let append = RedisScript(
    name: "append", source: "#!lua\nredis.call('APPEND', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])")

  @Test func `Commands and scripts reach the node of their key, and others any node`() async throws {
    let cluster = try await RedisCluster.start()
    // One node is enough to find the others.
    let seed = try RedisAddress("redis+cluster://127.0.0.1:\(cluster.port(of: 1))")
    let redis = RedisConnection(seed, log: log)
    #expect(redis.isCluster)
    for number in 0..<30 {
      let key = "{\(number)}:k"
      let routed = redis.routed(to: key)
      #expect(try await routed.send(["SET", "{\(number)}:k", "a"]) == .status("OK"))
      #expect(try await routed.evaluate(append, keys: [key], arguments: ["b"], timeout: timeout).string == "ab")
      // A script finds its node by its first key.
      #expect(try await redis.evaluate(append, keys: [key], arguments: ["c"], timeout: timeout).string == "abc")
      let both: [RedisArguments] = [["GET", "{\(number)}:k"], ["STRLEN", "{\(number)}:k"]]
      #expect(try await routed.send(both, timeout: timeout) == [.bytes(Array("abc".utf8)), .integer(3)])
      #expect(routed.isConnected && routed.failure == nil && routed.generation != 0)
    }
    for server in cluster.servers { #expect(server.ask("DBSIZE") != "0") }
    #expect(try await redis.send(["PING"]) == .status("PONG"))
    // Without a route a command follows the redirect.
    #expect(try await redis.send(["GET", "{7}:k"]).string == "abc")
    #expect(redis.isConnected && redis.failure == nil)
    let line = await log.line(containing: "nodes of the Redis Cluster")
    for index in 0..<3 { #expect(line?.contains("127.0.0.1:\(cluster.port(of: index))") == true) }
  }

  @Test func `A slot that another node serves by now is found, whatever is sent to it`() async throws {
    let cluster = try await RedisCluster.start()
    let redis = RedisConnection(try cluster.address(), limits: .trusting, log: log)
    let prefix = cluster.prefix(at: 0)
    let slot = cluster.slot(of: prefix)
    let routed = redis.routed(to: prefix)
    _ = try await routed.send(["SET", "\(prefix)a", "1"])
    let generation = routed.generation
    for (source, target) in [(0, 1), (1, 2), (2, 0)] {
      cluster.beginMove(of: slot, from: source, to: target)
      cluster.moveKeys(of: slot, from: source, to: target)
      cluster.endMove(of: slot, to: target)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<20 {
          group.addTask {
            #expect(try await routed.send(["INCR", "\(prefix)\(target)-\(number)"]) == .integer(1))
            let key = "\(prefix)\(number)"
            _ = try await routed.evaluate(append, keys: [key], arguments: ["\(target)"], timeout: timeout)
          }
        }
        try await group.waitForAll()
      }
    }
    #expect(try await routed.send(["GET", "\(prefix)7"]).string == "120")
    #expect(routed.generation == generation)
  }

  @Test func `A replica that is promoted takes the commands of its dead primary`() async throws {
    let cluster = try await RedisCluster.start(replicas: 1)
    let redis = RedisConnection(try cluster.address(), limits: .talkative, log: log)
    let prefix = cluster.prefix(at: 1)
    let (routed, other) = (redis.routed(to: prefix), redis.routed(to: cluster.prefix(at: 2)))
    _ = try await routed.send(["SET", "\(prefix)k", "1"])
    #expect(try await routed.send(["WAIT", "1", "20000"]) == .integer(1))
    let generation = routed.generation
    cluster.servers[1].kill()
    let pending = (0..<20).map { number in Task { try await routed.send(["SET", "\(prefix)\(number)", "x"]) } }
    // The others are not affected.
    _ = try await other.send(["PING"], timeout: .seconds(10))
    #expect(try await routed.send(["APPEND", "\(prefix)k", "2"]) == .integer(2))
    for task in pending { #expect(try await task.value == .status("OK")) }
    #expect(routed.isConnected && routed.generation != generation)
    #expect(cluster.servers[4].ask("EXISTS \(prefix)19") == "1")
  }

  @Test func `A primary that hangs is left for the replica that is promoted, before its silence is noticed`()
    async throws
  {
    let cluster = try await RedisCluster.start(replicas: 1)
    let redis = RedisConnection(try cluster.address(), limits: LinkLimits(silence: .seconds(3_600)), log: log)
    let prefix = cluster.prefix(at: 1)
    let routed = redis.routed(to: prefix)
    _ = try await routed.send(["SET", "\(prefix)k", "1"])
    #expect(try await routed.send(["WAIT", "1", "20000"]) == .integer(1))
    cluster.servers[1].pause()
    #expect(try await routed.send(["SET", "\(prefix)k", "2"]) == .status("OK"))
    #expect(cluster.servers[4].ask("GET \(prefix)k") == "2")
    cluster.servers[1].resume()
  }

  @Test func `A node that is down fails the commands of its slots alone, until it is back`() async throws {
    let cluster = try await RedisCluster.start()
    let redis = RedisConnection(try cluster.address(), limits: .talkative, log: log)
    let prefixes = (0..<3).map(cluster.prefix)
    let routed = prefixes.map(redis.routed)
    for index in 0..<3 { _ = try await routed[index].send(["SET", "\(prefixes[index])k", "1"]) }
    cluster.servers[1].kill()
    guard case .unavailable(let reason, _) = await routed[1].refusal(of: ["GET", "\(prefixes[1])k"]) else {
      Issue.record("a node that is down was to give no answer")
      return
    }
    #expect(reason.contains("127.0.0.1:\(cluster.port(of: 1))"))
    while routed[1].failure == nil { try await Task.sleep(for: .milliseconds(5)) }
    #expect(!routed[1].isConnected && routed[1].failure?.reason.contains("Connection refused") == true)
    for index in [0, 2] {
      #expect(try await routed[index].send(["GET", "\(prefixes[index])k"], timeout: .seconds(20)).string == "1")
      #expect(routed[index].isConnected)
    }
    // What has no key is sent to a node that is up.
    for _ in 0..<5 { #expect(try await redis.send(["PING"], timeout: .seconds(20)) == .status("PONG")) }
    cluster.restart(1)
    #expect(try await routed[1].send(["SET", "\(prefixes[1])k", "2"]) == .status("OK"))
  }

  @Test func `A cluster that serves no slot while one has no node is waited for`() async throws {
    let cluster = try await RedisCluster.start(settings: ["--cluster-require-full-coverage", "yes"])
    let redis = RedisConnection(try cluster.address(), log: log)
    let prefix = cluster.prefix(at: 0)
    let routed = redis.routed(to: prefix)
    _ = try await routed.send(["SET", "\(prefix)k", "1"])
    cluster.servers[1].kill()
    while !cluster.servers[0].ask("CLUSTER INFO").contains("cluster_state:fail") {
      try await Task.sleep(for: .milliseconds(20))
    }
    guard case .unavailable(let reason, outcomeUnknown: false) = await routed.refusal(of: ["GET", "\(prefix)k"]) else {
      Issue.record("a cluster that is down was to give no answer")
      return
    }
    #expect(reason.contains("CLUSTERDOWN") && reason.contains("cluster-require-full-coverage no"))
    let pending = Task { try await routed.evaluate(append, keys: ["\(prefix)k"], arguments: ["2"], timeout: timeout) }
    cluster.restart(1)
    #expect(try await pending.value.string == "12")
  }

  @Test func `The links end with the last connection that uses them, or are closed`() async throws {
    let cluster = try await RedisCluster.start()
    var redis: RedisConnection? = RedisConnection(try cluster.address(), log: log)
    var routed = (0..<3).compactMap { index in redis?.routed(to: cluster.prefix(at: index)) }
    redis = nil
    for connection in routed { _ = try await connection.send(["PING"]) }
    routed = []
    for server in cluster.servers {
      while server.ask("CLIENT LIST").contains("name=test") { try await Task.sleep(for: .milliseconds(5)) }
    }
    let other = RedisConnection(try cluster.address(), log: log)
    _ = try await other.routed(to: "k").send(["PING"])
    other.routed(to: "k").close()
    for connection in [other, other.routed(to: "k")] {
      let refusal = await connection.refusal(of: ["PING"])
      #expect(refusal == .unavailable(reason: "the connection was closed", outcomeUnknown: false))
    }
  }

  @Test func `What is wrong with the address is said with what to do`() async throws {
    let port = try freePort()
    let server = RedisServer("--port", "\(port)", "--bind", "127.0.0.1")
    let redis = RedisConnection(try RedisAddress("redis+cluster://127.0.0.1:\(port)"), log: log)
    // The server may not listen yet at the first attempt.
    let line = await log.line(containing: "127.0.0.1:\(port): this Redis is no node of a cluster")
    #expect(line?.contains("cannot read the map") == true && line?.contains("redis://") == true)
    #expect(redis.failure?.reason.contains("no node of a cluster") == true && !redis.isConnected)
    guard case .unavailable(let reason, outcomeUnknown: false) = await redis.routed(to: "k").refusal(of: ["GET", "k"])
    else {
      Issue.record("there was to be no answer")
      return
    }
    #expect(reason.contains("no node of a cluster"))
    withExtendedLifetime(server) {}
  }
}
