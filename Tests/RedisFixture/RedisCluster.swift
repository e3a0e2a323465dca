public import Hiredis

/// A Redis Cluster whose primaries share the slots equally, each with a number of replicas.
public final class RedisCluster: Sendable {
  /// The servers: the primaries of the start, and then their replicas in the same order.
  public let servers: [RedisServer]
  /// How many primaries there were at the start.
  public let primaries: Int
  private let ports: [Int]
  private let settings: [[String]]
  private let certificates: TLSCertificates?

  /// Starts the servers, and returns when all of them see a cluster that works, and the replicas follow.
  /// - Parameters:
  ///   - replicas: of each primary.
  ///   - settings: of every server, beside those of a cluster.
  ///   - certificates: for servers that speak TLS alone.
  public static func start(
    primaries: Int = 3, replicas: Int = 0, settings: [String] = [], certificates: TLSCertificates? = nil
  ) async throws -> RedisCluster {
    let cluster = RedisCluster(primaries, replicas, settings, certificates)
    try await cluster.form()
    return cluster
  }

  private init(_ primaries: Int, _ replicas: Int, _ more: [String], _ certificates: TLSCertificates?) {
    self.certificates = certificates
    let count = primaries * (1 + replicas)
    let all = FreePort.find(2 * count)
    self.primaries = primaries
    ports = Array(all[..<count])
    settings = (0..<count).map { index in
      let plain = ["--port", "\(all[index])", "--bind", "127.0.0.1"]
      let port = certificates.map { $0.redisSettings(port: all[index]) + ["--tls-cluster", "yes"] } ?? plain
      return port + [
        "--cluster-enabled", "yes", "--cluster-port",
        "\(all[count + index])", "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no",
        "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
      ] + more
    }
    servers = settings.map { RedisServer(isRunning: true, $0) }
  }

  /// The URL of all servers.
  public func url(login: String = "") -> String {
    "\(certificates == nil ? "redis" : "rediss")+cluster://\(login)\(ports.map { "127.0.0.1:\($0)" }.joined(separator: ","))"
  }

  /// The address of all servers.
  public func address() throws -> RedisAddress { try RedisAddress(url()) }

  /// The port of a server.
  public func port(of server: Int) -> Int { ports[server] }

  /// Starts a server again after it was killed.
  public func restart(_ server: Int) { servers[server].start(settings[server]) }

  /// The number of the slot of a key, as a server has it.
  public func slot(of key: String) -> Int { Int(servers[0].ask("CLUSTER KEYSLOT '\(key)'")) ?? -1 }

  /// The primary of the start that serves the slot of a key.
  public func primary(of key: String) -> Int { min(slot(of: key) / (16_384 / primaries), primaries - 1) }

  /// A prefix with a hash tag whose slot a primary serves at the start.
  public func prefix(at server: Int) -> String {
    var number = 0
    while primary(of: "{\(number)}") != server { number += 1 }
    return "{\(number)}:"
  }

  /// The id of a server in the cluster.
  public func id(of server: Int) -> String { servers[server].ask("CLUSTER MYID") }

  // MARK: Moving slots

  /// Begins to move a slot between two primaries, as `redis-cli --cluster reshard` does.
  public func beginMove(of slot: Int, from source: Int, to target: Int) {
    expect("OK", servers[target].ask("CLUSTER SETSLOT \(slot) IMPORTING \(id(of: source))"))
    expect("OK", servers[source].ask("CLUSTER SETSLOT \(slot) MIGRATING \(id(of: target))"))
  }

  /// Moves keys of a slot.
  /// - Parameter most: how many at most.
  public func moveKeys(of slot: Int, from source: Int, to target: Int, most: Int = 1_000_000) {
    let keys = servers[source].ask("CLUSTER GETKEYSINSLOT \(slot) \(most)").split(separator: "\n")
    if keys.isEmpty { return }
    let words = keys.map { "'\($0)'" }.joined(separator: " ")
    expect("OK", servers[source].ask("MIGRATE 127.0.0.1 \(ports[target]) '' 0 10000 KEYS \(words)"))
  }

  /// Ends the move of a slot.
  public func endMove(of slot: Int, to target: Int) {
    // The target first: until it owns the slot, the others must not send anybody there.
    let others = (0..<primaries).filter { $0 != target }
    for server in [target] + others {
      expect("OK", servers[server].ask("CLUSTER SETSLOT \(slot) NODE \(id(of: target))"))
    }
  }

  // MARK: Forming

  private func form() async throws {
    for server in servers { try await wait { server.ask("PING") == "PONG" } }
    let share = 16_384 / primaries
    for index in 0..<primaries {
      let last = index == primaries - 1 ? 16_383 : (index + 1) * share - 1
      expect("OK", servers[index].ask("CLUSTER ADDSLOTSRANGE \(index * share) \(last)"))
    }
    for index in servers.indices { expect("OK", servers[index].ask("CLUSTER SET-CONFIG-EPOCH \(index + 1)")) }
    for index in servers.indices.dropFirst() {
      let busPort = settings[index][settings[index].firstIndex(of: "--cluster-port").map { $0 + 1 } ?? 0]
      expect("OK", servers[0].ask("CLUSTER MEET 127.0.0.1 \(ports[index]) \(busPort)"))
    }
    for server in servers {
      try await wait { [servers] in
        let nodes = server.ask("CLUSTER NODES")
        return nodes.split(separator: "\n").count == servers.count && !nodes.contains("handshake")
      }
    }
    for index in servers.indices.dropFirst(primaries) {
      let primary = id(of: index % primaries)
      try await wait { [servers] in servers[index].ask("CLUSTER REPLICATE \(primary)") == "OK" }
      try await wait { [servers] in servers[index].ask("INFO replication").contains("master_link_status:up") }
    }
    try await waitUntilWell()
    for server in servers {
      // A replica is named once it has told how far it is.
      try await wait { [ports] in
        let words = Set(server.ask("CLUSTER SLOTS").split(whereSeparator: \.isWhitespace))
        return ports.allSatisfy { words.contains("\($0)") }
      }
    }
  }

  /// Waits until all servers see that all slots are served.
  public func waitUntilWell() async throws {
    for server in servers {
      try await wait { [servers] in
        let info = server.ask("CLUSTER INFO")
        return info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
          && info.contains("cluster_known_nodes:\(servers.count)")
      }
    }
  }

  private func wait(until condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(20)) }
  }

  private func expect(_ answer: String, _ found: String) {
    precondition(found == answer, "a server of the cluster answered \(found)")
  }
}
