import RedisFixture
import SystemHarness

/// On each host a Redis and a sentinel: a primary with two replicas, one of which takes over within a few seconds.
final class SentinelTopology: Topology {
  let network: Network
  let partitions = 1
  let replicas = 2
  let changes: [String] = []
  private let folder: String
  private let servers: [HostedServer]
  private let sentinels: [HostedServer]

  static func start(on network: Network) async throws -> SentinelTopology {
    let topology = try SentinelTopology(network)
    for server in topology.servers { server.start() }
    for replica in topology.servers.dropFirst() { try await replica.local.waitForLink() }
    for sentinel in topology.sentinels { sentinel.start() }
    try await topology.waitUntilWhole()
    return topology
  }

  private init(_ network: Network) throws {
    self.network = network
    folder = RedisServer.makeFolder("sentinel")
    let primary = Network.address(of: 1)
    servers = try Network.hosts.map { [folder] host in
      try HostedServer(
        on: host, of: network, port: 6379, folder: "\(folder)/redis-\(host)",
        settings: HostedServer.durable + (host == 1 ? [] : ["replicaof \(primary) 6379"]))
    }
    sentinels = try Network.hosts.map { [folder] host in
      try HostedServer(
        on: host, of: network, port: 26_379, folder: "\(folder)/sentinel-\(host)",
        settings: [
          "sentinel monitor main \(primary) 6379 2", "sentinel down-after-milliseconds main 1000",
          "sentinel failover-timeout main 5000",
        ], options: ["--sentinel"])
    }
  }

  deinit {
    for server in servers + sentinels { server.kill() }
    RedisServer.removeFolder(folder)
  }

  var url: String { "redis+sentinel://\(sentinels.map(\.address).joined(separator: ","))/main" }

  func make(change: String) async throws {}

  func primaries() async -> [HostedServer] {
    var primaries: [HostedServer] = []
    for server in servers where (try? await server.local.fact("role")) == "master" { primaries.append(server) }
    return primaries.count == 1 ? primaries : []
  }

  func primaries(of prefixes: [String], without host: Int) async -> [Int?] {
    let others = servers.filter { $0.host != host }
    var primary: Int?
    for other in others where (try? await other.local.fact("role")) == "master" { primary = other.host }
    if primary == nil, let followed = try? await others[0].local.fact("master_host") {
      primary = Network.hosts.first { Network.address(of: $0) == followed }
    }
    return prefixes.map { _ in primary }
  }

  func isReplaced(_ server: HostedServer) async -> Bool {
    let others = servers.filter { $0 !== server }
    var primaries: [HostedServer] = []
    for other in others where (try? await other.local.fact("role")) == "master" { primaries.append(other) }
    guard primaries.count == 1, let replica = others.first(where: { $0 !== primaries[0] }) else { return false }
    let host = Network.address(of: primaries[0].host)
    for sentinel in sentinels where sentinel.host != server.host {
      let address = try? await sentinel.remote.send("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")
      guard address?.hasPrefix(host + "\n") == true else { return false }
    }
    return (try? await replica.local.fact("master_host")) == host
  }

  func defect() async -> String? {
    guard let primary = await primaries().first else { return "there is not one primary" }
    for server in servers where server !== primary {
      guard (try? await server.local.fact("master_link_status")) == "up" else {
        return "the server of host \(server.host) does not follow"
      }
    }
    for sentinel in sentinels {
      guard let report = try? await sentinel.remote.send("SENTINEL", "MASTER", "main"),
        let replicas = try? await sentinel.remote.send("SENTINEL", "REPLICAS", "main")
      else { return "the sentinel of host \(sentinel.host) does not answer" }
      let facts = pairs(report)
      guard facts["ip"] == Network.address(of: primary.host), facts["flags"] == "master",
        facts["num-other-sentinels"] == "2", replicas.split(separator: "flags\nslave\n").count == 3
      else { return "the sentinel of host \(sentinel.host) sees \(facts)" }
    }
    return nil
  }

  /// Names and values on alternate lines.
  private func pairs(_ text: String) -> [String: String] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let found = stride(from: 0, to: lines.count - 1, by: 2).map { (lines[$0], lines[$0 + 1]) }
    return Dictionary(found) { first, _ in first }
  }
}
