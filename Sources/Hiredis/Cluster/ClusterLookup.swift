/// What a node says of the cluster.
struct ClusterAnswer: Sendable {
  /// The node.
  let node: RedisAddress.Host
  /// The slot map as this node reports it.
  let map: ClusterMap
  /// The number of the last change of the cluster that it knows of (`cluster_current_epoch`); it only grows.
  let epoch: Int
  /// Whether the node sees a cluster that works (`cluster_state`). One that is cut off does not.
  let isWell: Bool

  /// Whether its map is the better one: a node that is cut off, or has just come back, shows the map of the past.
  func isBetter(than other: ClusterAnswer) -> Bool {
    (isWell ? 1 : 0, epoch) > (other.isWell ? 1 : 0, other.epoch)
  }
}

/// Asks nodes of a cluster who serves which slot, one after the other until one knows it. Blocks.
struct ClusterLookup: Sendable {
  let address: RedisAddress
  /// How long a node may take to answer, its name resolved.
  let patience: Duration

  /// Asks nodes.
  /// - Parameters:
  ///   - hosts: the nodes, in the order in which they are asked.
  ///   - epoch: the newest that is known; further nodes are asked when the first is behind it.
  /// - Returns: the first answer that is well and not behind, or else the best one.
  func find(at hosts: [RedisAddress.Host], since epoch: Int) throws(LinkFailure) -> ClusterAnswer {
    var best: ClusterAnswer?
    var failures: [(host: RedisAddress.Host, failure: LinkFailure)] = []
    for host in hosts {
      do throws(LinkFailure) {
        let answer = try answer(of: host)
        if answer.isWell, answer.epoch >= epoch { return answer }
        if best.map(answer.isBetter) ?? true { best = answer }
      } catch {
        failures.append((host, error))
      }
    }
    if let best { return best }
    let reasons = failures.map { "\($0.host): \($0.failure.reason)" }.joined(separator: ", ")
    throw LinkFailure(
      "no node of the Redis Cluster answers (\(reasons))", remedy: failures.lazy.compactMap(\.failure.remedy).first)
  }

  /// What one node says.
  func answer(of host: RedisAddress.Host) throws(LinkFailure) -> ClusterAnswer {
    let login = RedisAddress.Login(user: address.user, password: address.password, passwordFile: address.passwordFile)
    let question = ServerQuestion(login: login, tls: address.tls, patience: patience, failure: Self.failure)
    let replies = try question.ask([["CLUSTER", "SLOTS"], ["CLUSTER", "INFO"]], at: host)
    guard let map = ClusterMap(replies[0], asked: host) else {
      throw LinkFailure("it answered \(String(describing: replies[0]).prefix(200))")
    }
    // Without the right to ask it, an answer counts as it is.
    let facts = Self.facts(replies[1].string ?? "")
    return ClusterAnswer(
      node: host, map: map, epoch: facts["cluster_current_epoch"].flatMap { Int($0) } ?? 0,
      isWell: facts["cluster_state"] != "fail")
  }

  /// The lines `name:value` of a reply.
  private static func facts(_ text: String) -> [String: String] {
    // "\r\n" is one character.
    let lines = text.split(whereSeparator: \.isNewline).map { $0.split(separator: ":", maxSplits: 1) }
    return Dictionary(lines.filter { $0.count == 2 }.map { (String($0[0]), String($0[1])) }) { first, _ in first }
  }

  private static func failure(_ error: RedisReplyError) -> LinkFailure {
    if error.message.contains("cluster support disabled") {
      return LinkFailure(
        "this Redis is no node of a cluster",
        remedy: "write redis:// in REDIS_URL for a single Redis, or name nodes of a cluster")
    }
    return LinkFailure(error)
  }
}
