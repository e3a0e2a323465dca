/// Which node of a Redis Cluster serves which slot.
struct ClusterMap: Sendable, Equatable {
  typealias Host = RedisAddress.Host

  /// The nodes that serve slots, or have served some.
  private var nodes: [Host] = []
  /// For each slot the place of its node, from 1; 0 for a slot that no node serves.
  private var owners = [UInt16](repeating: 0, count: KeySlot.count)
  /// The replicas of each primary.
  private(set) var followers: [Host: [Host]] = [:]

  /// A map in which no slot is served.
  init() {}

  /// Reads the reply to `CLUSTER SLOTS`.
  /// - Parameter asked: the node that answered; a node without a host in the reply is on that host.
  /// - Returns: nil for a reply of another form.
  init?(_ reply: RedisReply, asked: Host) {
    guard let ranges = reply.array else { return nil }
    for range in ranges {
      guard let parts = range.array, parts.count >= 3, let first = parts[0].int, let last = parts[1].int,
        (0..<KeySlot.count).contains(first), (first..<KeySlot.count).contains(last)
      else { return nil }
      let hosts = parts[2...].map { Self.host($0, asked: asked) }
      guard let primary = hosts[0] else { continue }
      serve(first...last, at: primary)
      let known = followers[primary] ?? []
      followers[primary] = known + hosts.dropFirst().compactMap(\.self).filter { !known.contains($0) }
    }
  }

  /// The node that serves a slot; nil if none is known.
  func owner(of slot: Int) -> Host? { owners[slot] == 0 ? nil : nodes[Int(owners[slot]) - 1] }

  /// The nodes that serve slots.
  var primaries: [Host] {
    var serves = [Bool](repeating: false, count: nodes.count + 1)
    for owner in owners { serves[Int(owner)] = true }
    return nodes.indices.filter { serves[$0 + 1] }.map { nodes[$0] }
  }

  /// The replicas of all primaries.
  var replicas: [Host] { primaries.flatMap { followers[$0] ?? [] } }

  /// How many slots a node serves.
  func slots(of node: Host) -> Int {
    guard let place = nodes.firstIndex(of: node) else { return 0 }
    return owners.count { $0 == place + 1 }
  }

  /// How many slots no node serves.
  var uncovered: Int { owners.count { $0 == 0 } }

  /// Notes that a node serves slots.
  mutating func serve(_ slots: ClosedRange<Int>, at node: Host) {
    let place = nodes.firstIndex(of: node) ?? nodes.count
    if place == nodes.count { nodes.append(node) }
    for slot in slots { owners[slot] = UInt16(place + 1) }
  }

  /// A node is host, port, id, and more since Redis 7. A null or empty host is that of the node that was asked.
  private static func host(_ node: RedisReply, asked: Host) -> Host? {
    guard let parts = node.array, parts.count >= 2, let port = parts[1].int, (1...65_535).contains(port) else {
      return nil
    }
    let name = parts[0].string ?? ""
    // A node whose name the cluster does not know (cluster-preferred-endpoint-type hostname).
    if name == "?" { return nil }
    return Host(name: name.isEmpty ? asked.name : name, port: port)
  }
}
