import RedisFixture
import SystemHarness

/// A Redis Cluster: on each host a primary, and the replica of another host's. A second pair comes and goes.
final class ClusterTopology: Topology {
  let network: Network
  let partitions = 6
  let replicas = 1
  let changes = ["slot moved", "node added and removed"]
  private let folder: String
  /// By host first the server that is a primary while all is well, then a replica.
  private let servers: [HostedServer]
  /// The primary that is added, with its replica.
  private let guests: [HostedServer]

  static func start(on network: Network) async throws -> ClusterTopology {
    let topology = try ClusterTopology(network)
    for server in topology.servers { server.start() }
    for server in topology.servers {
      _ = try await wait("a server") { try? await server.remote.send("PING") }
    }
    // With replicas it places each on another host than its primary.
    try await Shell.run(
      "redis-cli",
      ["--cluster", "create"] + topology.servers.map(\.address) + ["--cluster-replicas", "1", "--cluster-yes"])
    try await topology.waitUntilWhole()
    return topology
  }

  private init(_ network: Network) throws {
    self.network = network
    let folder = RedisServer.makeFolder("cluster")
    self.folder = folder
    let settings =
      HostedServer.durable + [
        "cluster-enabled yes", "cluster-node-timeout 1000", "cluster-require-full-coverage no",
        "cluster-allow-replica-migration no",
      ]
    func server(_ host: Int, _ port: Int) throws -> HostedServer {
      try HostedServer(
        on: host, of: network, port: port, folder: "\(folder)/\(host)-\(port)", settings: settings)
    }
    servers = try [7001, 7002].flatMap { port in try Network.hosts.map { try server($0, port) } }
    guests = try [server(1, 7003), server(2, 7003)]
  }

  deinit {
    for server in servers + guests { server.kill() }
    RedisServer.removeFolder(folder)
  }

  var url: String { "redis+cluster://\(servers.prefix(3).map(\.address).joined(separator: ","))" }

  // MARK: Roles

  func primaries() async -> [HostedServer] { await defect() == nil ? Array(servers.prefix(3)) : [] }

  func primaries(of prefixes: [String], without host: Int) async -> [Int?] {
    guard let witness = servers.first(where: { $0.host != host }), let nodes = try? await nodes(witness) else {
      return prefixes.map { _ in nil }
    }
    var hosts: [Int?] = []
    for prefix in prefixes {
      let slot = try? await slot(of: prefix)
      let owner = nodes.first { node in slot.map { slot in node.slots.contains { $0.contains(slot) } } ?? false }
      hosts.append(servers.first { $0.address == owner?.address }?.host)
    }
    return hosts
  }

  private func slot(of key: String) async throws -> Int {
    try await Int(servers[0].local.send("CLUSTER", "KEYSLOT", key).filter(\.isNumber)) ?? 0
  }

  func isReplaced(_ server: HostedServer) async -> Bool {
    for other in servers where other.host != server.host {
      let nodes = try? await nodes(other)
      guard nodes?.contains(where: { $0.address == server.address && !$0.slots.isEmpty }) == false else { return false }
    }
    return true
  }

  func defect() async -> String? {
    for server in servers {
      guard let nodes = try? await nodes(server) else { return "\(server.address) does not answer" }
      if nodes.count != servers.count { return "\(server.address) knows \(nodes.count) nodes" }
      if let node = nodes.first(where: { !$0.isWell }) { return "\(server.address) sees \(node.text)" }
    }
    for server in servers.dropFirst(3) where (try? await server.local.fact("master_link_status")) != "up" {
      // After a failover each host gets its primary back, or the loss of one host could be that of the majority.
      guard let replica = await follower(insteadOf: server) else { return "\(server.address) does not follow" }
      _ = try? await replica.local.send("CLUSTER", "FAILOVER")
      return "\(server.address) is a primary"
    }
    return nil
  }

  /// The first server of a host, when it follows one that should be a replica.
  private func follower(insteadOf server: HostedServer) async -> HostedServer? {
    for candidate in servers.prefix(3) {
      let port = try? await candidate.local.fact("master_port")
      let host = try? await candidate.local.fact("master_host")
      let isUp = (try? await candidate.local.fact("master_link_status")) == "up"
      if isUp, host == Network.address(of: server.host), port == "\(server.port)" { return candidate }
    }
    return nil
  }

  /// What a server says of a node (`CLUSTER NODES`).
  private struct Node {
    let text: String
    private var words: [String] { text.split(separator: " ").map(String.init) }
    var id: String { words[0] }
    /// `host:port`.
    var address: String { String(words[1].prefix { $0 != "@" }) }
    var isSelf: Bool { words[2].contains("myself") }
    var isWell: Bool { words[7] == "connected" && !["fail", "handshake", "noaddr"].contains(where: words[2].contains) }
    var slots: [ClosedRange<Int>] {
      words.dropFirst(8).compactMap { word in
        let ends = word.split(separator: "-").compactMap { Int($0) }
        return ends.isEmpty ? nil : ends[0]...(ends.last ?? ends[0])
      }
    }
  }

  private func nodes(_ server: HostedServer) async throws -> [Node] {
    try await server.local.send("CLUSTER", "NODES").split(separator: "\n").map { Node(text: String($0)) }
  }

  private func id(of server: HostedServer) async throws -> String {
    try await String(server.local.send("CLUSTER", "MYID").prefix { !$0.isWhitespace })
  }

  // MARK: Changes

  func make(change: String) async throws {
    let slot = try await slot(of: "{0}")
    guard let owner = try await owner(of: slot) else { throw StackFailure("no server has the slot \(slot)") }
    if change == changes[0] {
      guard let other = servers.prefix(3).first(where: { $0 !== owner }) else { return }
      return try await move(slot, from: owner, to: other)
    }
    try await addGuests()
    try await move(slot, from: owner, to: guests[0])
    try await ContinuousClock().sleep(for: .seconds(3))
    try await move(slot, from: guests[0], to: owner)
    try await removeGuests()
  }

  private func owner(of slot: Int) async throws -> HostedServer? {
    let node = try await nodes(servers[0]).first { $0.slots.contains { $0.contains(slot) } }
    return servers.first { $0.address == node?.address }
  }

  /// Moves a slot key by key, as `redis-cli --cluster reshard` does.
  private func move(_ slot: Int, from source: HostedServer, to target: HostedServer) async throws {
    let (sourceID, targetID) = try await (id(of: source), id(of: target))
    try await target.local.send("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
    try await source.local.send("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
    while true {
      let text = try await Shell.run("redis-cli", source.local.target + ["CLUSTER", "GETKEYSINSLOT", "\(slot)", "50"])
      let keys = text.split(separator: "\n").map(String.init)
      if keys.isEmpty { break }
      let host = Network.address(of: target.host)
      try await source.local.send(["MIGRATE", host, "\(target.port)", "", "0", "5000", "KEYS"] + keys)
    }
    // The target first: it is the owner from then on, whatever happens to the others.
    for server in [target, source] + servers.prefix(3).filter({ $0 !== target && $0 !== source }) {
      try await server.local.send("CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID)
    }
  }

  private func addGuests() async throws {
    for guest in guests {
      guest.start()
      _ = try await wait("the new node") { try? await guest.remote.send("PING") }
      let host = Network.address(of: guest.host)
      try await servers[0].local.send("CLUSTER", "MEET", host, "\(guest.port)")
    }
    let id = try await id(of: guests[0])
    for server in servers + guests {
      _ = try await wait("the new nodes") {
        try await nodes(server).count { $0.isWell } == servers.count + guests.count ? true : nil
      }
    }
    try await guests[1].local.send("CLUSTER", "REPLICATE", id)
    try await guests[1].local.waitForLink()
  }

  /// They are forgotten by all within the minute in which a forgotten node is not learnt of again.
  private func removeGuests() async throws {
    for guest in guests.reversed() {
      let id = try await id(of: guest)
      for server in servers { try await server.local.send("CLUSTER", "FORGET", id) }
    }
    for guest in guests.reversed() {
      try await guest.local.send("CLUSTER", "RESET", "HARD")
      guest.kill()
      // The reset of a replica empties its memory, not its file: it would have keys again at its next start.
      try await guest.clear()
    }
  }
}
