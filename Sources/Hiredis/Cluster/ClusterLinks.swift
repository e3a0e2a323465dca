import LinuxSupport
import Synchronization

/// The links of one connection to the nodes of a cluster, made when they are needed first.
final class ClusterLinks: Sendable, ClusterClient {
  private struct State {
    var links: [RedisAddress.Host: NodeLink] = [:]
    var made = 0
    var isClosed = false
  }

  /// Shared by all connections to the cluster.
  let topology: ClusterTopology
  private let configuration: LinkConfiguration
  private let state = Mutex(State())

  /// Begins to look for the nodes.
  init(_ configuration: LinkConfiguration) {
    self.configuration = configuration
    topology = ClusterTopology.of(configuration)
    topology.add(self)
  }

  deinit { close() }

  /// Whether it was closed.
  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Ends all links. What they contain fails, and so does every later command.
  func close() {
    let links = state.withLock { state in
      state.isClosed = true
      defer { state.links = [:] }
      return Array(state.links.values)
    }
    for link in links { link.mailbox.close() }
    topology.remove(ObjectIdentifier(self))
  }

  /// The link to a node; nil once closed.
  func link(to node: RedisAddress.Host) -> NodeLink? {
    state.withLock { state in
      if let link = state.links[node] { return link }
      if state.isClosed { return nil }
      var configuration = self.configuration
      configuration.address = configuration.address.node(node)
      configuration.topology = topology
      let link = NodeLink(node, number: state.made, configuration)
      state.made += 1
      state.links[node] = link
      return link
    }
  }

  /// The link to the node that serves a slot; nil while none is known, and once closed.
  /// - Parameter slot: nil for any node, of those that can be reached.
  func link(for slot: Int?) -> NodeLink? {
    if let slot { return topology.owner(of: slot).flatMap(link(to:)) }
    let links = (topology.primaries ?? []).compactMap(link(to:))
    return links.first { $0.mailbox.isUp } ?? links.first
  }

  /// Ends the links to nodes that serve no slot any more: what they contain is for other nodes.
  func mapHasChanged() {
    guard let primaries = topology.primaries else { return }
    let retired = state.withLock { state in
      let retired = state.links.filter { !primaries.contains($0.key) }
      for node in retired.keys { state.links[node] = nil }
      return retired.values
    }
    for link in retired { link.retire() }
  }

  /// Sends a command to the node that serves its slot, or holds it while none can.
  func send(_ call: RoutedCall) {
    while true {
      guard let link = call.target.map(link(to:)) ?? link(for: call.slot) else {
        if isClosed { return call.end(.unavailable(reason: "the connection was closed", outcomeUnknown: false)) }
        topology.doubt()
        return ClusterParking.shared.hold(call.waiting(because: topology.failure(of: call.slot)))
      }
      if call.slot == nil, call.target == nil, !link.mailbox.isUp {
        let failure = link.mailbox.failure ?? LinkFailure("no connection to a node of the Redis Cluster yet")
        return ClusterParking.shared.hold(call.waiting(because: failure))
      }
      let message = call.message(over: link)
      if link.mailbox.post(message, frame: message.frame, deadline: message.deadline) { return }
      // The link has ended just now, and is not found again.
    }
  }
}
