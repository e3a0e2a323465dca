import Glibc
import Hiredis
import Logging
import WorkflowStore

/// Looks at the nodes of a Redis Cluster: whether each answers, keeps what it has, and what happens when it dies.
struct ClusterCheck {
  let address: RedisAddress
  let partitions: Partitions
  /// How many replicas wf waits for (`WF_WAIT_REPLICAS`).
  let awaited: Int

  /// A node, as it describes itself.
  struct Node: Sendable {
    let host: RedisAddress.Host
    /// Whether it serves slots.
    let isPrimary: Bool
    /// Facts of `INFO` and settings, by name, as far as its user may ask; none when there is no answer.
    var facts: [String: String] = [:]
    /// Its clock, in seconds since 1970; nil when there is no answer.
    var time: Int?
    /// Why there is no answer, and what an operator can do; nil when there is one.
    var failure: (reason: String, remedy: String?)?
    /// The numbers of the partitions that it serves.
    var partitions: [Int] = []
  }

  private static let settings = ["maxmemory-policy", "appendonly", "cluster-require-full-coverage"]

  /// What was found, and what of it is about settings that lose runs or stop all of them.
  func results() async -> (all: [CheckResult], settings: [CheckResult]) {
    guard let report = await address.clusterReport() else { return ([], []) }
    let owners = partitions.all.map { report.node(of: "\($0.keys.prefix)leases") }
    let nodes = await withTaskGroup(of: (Int, Node).self) { group in
      for (index, node) in report.nodes.enumerated() {
        let numbers = owners.indices.filter { owners[$0] == node.host }
        group.addTask { (index, await Self.look(at: node, partitions: numbers)) }
      }
      return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
    let settings = settings(nodes)
    let state = state(failing: report.nodes.filter { $0.seesCluster == false }.map(\.host), report.uncoveredSlots)
    return (lines(nodes) + state + replicas(nodes) + shares(nodes) + clocks(nodes) + settings, settings)
  }

  private static func look(at node: ClusterReport.Node, partitions: [Int]) async -> Node {
    var found = Node(host: node.host, isPrimary: node.slots > 0, partitions: partitions)
    if let failure = node.failure {
      found.failure = (failure, node.remedy)
      return found
    }
    let connection = RedisConnection(
      node.address, name: "wf-doctor", logger: Logger(label: "wf-doctor") { _ in SwiftLogNoOpLogHandler() })
    defer { connection.close() }
    let store = RunStore(connection, keys: Keys())
    do throws(RedisError) {
      found.time = try await connection.send(["TIME"], timeout: .seconds(5)).array?.first?.int
    } catch {
      found.failure = connection.failure ?? ("\(error)", nil)
      return found
    }
    found.facts = (try? await store.info(["server", "replication", "persistence"])) ?? [:]
    for name in settings {
      var command: RedisArguments = ["CONFIG", "GET"]
      command.append(name)
      found.facts[name] = try? await connection.send(command, timeout: .seconds(5)).array?.last?.string
    }
    return found
  }

  /// A line for each node.
  func lines(_ nodes: [Node]) -> [CheckResult] {
    nodes.map { node in
      let place = "node \(node.host)"
      if let failure = node.failure {
        let remedy = failure.remedy ?? "start it, or take it out of the cluster and of REDIS_URL"
        let what = "\(place) does not answer: \(failure.reason)"
        return node.isPrimary ? .failed(what, remedy: remedy) : .warning(what, remedy: remedy)
      }
      let version = Self.version(node)
      let numbers = node.partitions.map(String.init).joined(separator: ", ")
      let role = node.isPrimary ? "primary, partitions \(numbers.isEmpty ? "none" : numbers)" : "replica"
      let what = "\(place): \(version.name), \(role)"
      return version.isUsable ? .ok(what) : .failed(what, remedy: "wf's scripts need Redis 7 or newer, or Valkey")
    }
  }

  private static func version(_ node: Node) -> (name: String, isUsable: Bool) {
    if let version = node.facts["valkey_version"] { return ("Valkey \(version)", true) }
    guard let version = node.facts["redis_version"] else { return ("a server that does not report its version", true) }
    return ("Redis \(version)", version.split(separator: ".").first.flatMap { Int($0) } ?? 0 >= 7)
  }

  /// Whether the nodes see a cluster that works.
  func state(failing: [RedisAddress.Host], _ uncovered: Int) -> [CheckResult] {
    var results: [CheckResult] = []
    if !failing.isEmpty {
      results.append(
        .failed(
          "cluster_state is fail at \(failing.map(\.description).joined(separator: ", "))",
          remedy: "redis-cli --cluster check HOST:PORT says why; start the nodes that are down"))
    }
    if uncovered > 0 {
      results.append(
        .failed(
          "\(uncovered) of 16384 slots are served by no node",
          remedy: "start the node that has them, or redis-cli --cluster fix HOST:PORT"))
    }
    return results.isEmpty ? [.ok("all slots are served, cluster_state is ok")] : results
  }

  /// Whether another node takes over when a primary dies.
  func replicas(_ nodes: [Node]) -> [CheckResult] {
    let primaries = nodes.filter { $0.isPrimary && $0.failure == nil }
    func names(with isMeant: (Int) -> Bool) -> String {
      primaries.filter { isMeant($0.facts["connected_slaves"].flatMap { Int($0) } ?? Int.max) }.map { "\($0.host)" }
        .joined(separator: ", ")
    }
    let short = names { $0 < awaited }
    if !short.isEmpty {
      return [
        .failed(
          "WF_WAIT_REPLICAS is \(awaited), and fewer replicas follow \(short): submissions there get 503",
          remedy: "start the replicas, or lower WF_WAIT_REPLICAS")
      ]
    }
    let bare = names { $0 == 0 }
    if bare.isEmpty { return primaries.isEmpty ? [] : [.ok("each primary has a replica")] }
    return [
      .warning(
        "no replica follows \(bare): when such a node dies, its partitions wait until it is back",
        remedy: "redis-cli --cluster add-node HOST:PORT NODE --cluster-slave adds one")
    ]
  }

  /// Whether the nodes share the runs.
  func shares(_ nodes: [Node]) -> [CheckResult] {
    let idle = nodes.filter { $0.isPrimary && $0.partitions.isEmpty }
    guard !idle.isEmpty else { return [] }
    let names = idle.map { "\($0.host)" }.joined(separator: ", ")
    return [
      .warning(
        "no partition of \(partitions.count) is on \(names): it has no runs",
        remedy: """
          redis-cli --cluster reshard moves the slot of a partition there (\
          CLUSTER KEYSLOT \(partitions.all[0].keys.prefix)leases names it); more partitions need an empty database
          """)
    ]
  }

  /// The clocks count only where each is, so they may differ; a large difference is a fault of its host all the same.
  func clocks(_ nodes: [Node]) -> [CheckResult] {
    let now = time(nil)
    let wrong = nodes.filter { node in node.time.map { abs($0 - now) > 2 } ?? false }
    if wrong.isEmpty { return [] }
    let names = wrong.map { "\($0.host) is \(($0.time ?? now) - now) s" }.joined(separator: ", ")
    return [.warning("the clock of \(names) from this host's", remedy: "run an NTP client on all hosts")]
  }

  /// Settings that lose runs, or stop more than the partitions of a node that is down.
  func settings(_ nodes: [Node]) -> [CheckResult] {
    let answering = nodes.filter { $0.failure == nil }
    func names(_ isMeant: (Node) -> Bool) -> String {
      answering.filter(isMeant).map { "\($0.host)" }.joined(separator: ", ")
    }
    var results: [CheckResult] = []
    for (policy, nodes) in Dictionary(grouping: answering, by: { $0.facts["maxmemory-policy"] }) {
      guard let warning = EvictionPolicy(policy).warning else { continue }
      let hosts = nodes.map { "\($0.host)" }.joined(separator: ", ")
      results.append(.failed("\(warning), at \(hosts)", remedy: EvictionPolicy.remedy))
    }
    let forgetful = names { $0.facts["appendonly"] == "no" || $0.facts["aof_enabled"] == "0" }
    if !forgetful.isEmpty {
      results.append(
        .warning(
          "appendonly is no at \(forgetful): what came since the last snapshot is lost when that node dies",
          remedy: "redis-cli CONFIG SET appendonly yes && redis-cli CONFIG REWRITE there"))
    }
    let strict = names { $0.facts["cluster-require-full-coverage"] == "yes" }
    if !strict.isEmpty {
      results.append(
        .warning(
          "cluster-require-full-coverage is yes at \(strict): one node that is down without a replica stops all partitions",
          remedy: "redis-cli CONFIG SET cluster-require-full-coverage no && redis-cli CONFIG REWRITE on every node"))
    }
    let silent = names { $0.facts["maxmemory-policy"] == nil }
    if !silent.isEmpty {
      results.append(
        .warning(
          "\(silent) shows no configuration",
          remedy: "see yourself that maxmemory-policy is noeviction, appendonly yes, cluster-require-full-coverage no"))
    }
    return results.isEmpty ? [.ok("the nodes evict nothing, and keep append-only files")] : results
  }
}
