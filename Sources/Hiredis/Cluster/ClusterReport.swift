import LinuxSupport

/// What the nodes of a Redis Cluster say of it, for people.
public struct ClusterReport: Sendable {
  /// A node.
  public struct Node: Sendable {
    /// Where it is.
    public let host: RedisAddress.Host
    /// The address of this node alone, with the login and TLS of the cluster's.
    public let address: RedisAddress
    /// How many slots it serves; 0 for a replica.
    public let slots: Int
    /// The replicas that can take its place, as far as the cluster has not found them dead.
    public let replicas: [RedisAddress.Host]
    /// Whether the cluster works, as it reports (`cluster_state`); nil when there is no answer.
    public let seesCluster: Bool?
    /// Why there is no answer.
    public let failure: String?
    /// What an operator can do about that; nil if unknown.
    public let remedy: String?
  }

  /// The primaries, their replicas, and nodes of the address that are neither, in this order.
  public let nodes: [Node]
  /// How many slots no node serves.
  public let uncoveredSlots: Int
  fileprivate let map: ClusterMap

  /// The node that serves a key; nil if none is known.
  public func node(of key: String) -> RedisAddress.Host? { map.owner(of: KeySlot.of(key)) }
}

extension RedisAddress {
  /// Asks the nodes of the cluster, all at the same time; nil where the address is not that of a cluster.
  /// - Parameter patience: how long each may take to answer, its name resolved.
  public func clusterReport(within patience: Duration = .seconds(2)) async -> ClusterReport? {
    guard case .cluster(let seeds) = endpoint else { return nil }
    let lookup = ClusterLookup(address: self, patience: patience)
    var answers = await lookup.answers(of: seeds)
    let best = Self.best(of: answers)
    let known = best.map { $0.map.primaries + $0.map.replicas } ?? []
    answers.merge(await lookup.answers(of: known.filter { answers[$0] == nil })) { first, _ in first }
    let map = Self.best(of: answers)?.map ?? ClusterMap()
    let hosts = map.primaries + map.replicas
    let nodes = (hosts + seeds.filter { !hosts.contains($0) }).map { host in
      ClusterReport.Node(
        host: host, address: node(host), slots: map.slots(of: host), replicas: map.followers[host] ?? [],
        seesCluster: try? answers[host]?.get().isWell, failure: answers[host]?.failure?.reason,
        remedy: answers[host]?.failure?.remedy)
    }
    return ClusterReport(nodes: nodes, uncoveredSlots: map.uncovered, map: map)
  }

  private static func best(of answers: [Host: Result<ClusterAnswer, LinkFailure>]) -> ClusterAnswer? {
    answers.values.compactMap { try? $0.get() }.max { $1.isBetter(than: $0) }
  }
}

extension ClusterLookup {
  /// Asks nodes at the same time.
  fileprivate func answers(
    of hosts: [RedisAddress.Host]
  ) async -> [RedisAddress.Host: Result<ClusterAnswer, LinkFailure>] {
    await withTaskGroup(of: (RedisAddress.Host, Result<ClusterAnswer, LinkFailure>).self) { group in
      for host in Set(hosts) { group.addTask { (host, await answerFromThread(of: host)) } }
      return await group.reduce(into: [:]) { answers, answer in answers[answer.0] = answer.1 }
    }
  }

  /// Asks one node on a separate thread.
  private func answerFromThread(of host: RedisAddress.Host) async -> Result<ClusterAnswer, LinkFailure> {
    await withUnsafeContinuation { continuation in
      do throws(SystemCallError) {
        try SystemThread.detach(name: "redis-node") {
          continuation.resume(returning: Result { () throws(LinkFailure) in try answer(of: host) })
        }
      } catch {
        continuation.resume(returning: .failure(LinkFailure("cannot start a thread", errno: error.code)))
      }
    }
  }
}

extension Result {
  fileprivate var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}
