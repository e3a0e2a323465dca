import LinuxSupport
import Synchronization

/// Subscribes to sharded channels of a cluster: each at the node that serves its slot, over a link to each such node.
final class ClusterSubscription: Sendable, ClusterClient {
  private typealias Mailbox = LinkMailbox<ShardTraffic.Message>

  private struct State {
    /// The channels, with the node where each is subscribed; nil while no node is known.
    var channels: [String: RedisAddress.Host?] = [:]
    var mailboxes: [RedisAddress.Host: Mailbox] = [:]
    var isClosed = false
  }

  private let configuration: LinkConfiguration
  private let listeners: SubscriptionTraffic.Listeners
  private let topology: ClusterTopology
  private let state = Mutex(State())

  /// Begins to look for the nodes.
  init(_ configuration: LinkConfiguration, _ listeners: SubscriptionTraffic.Listeners) {
    self.configuration = configuration
    self.listeners = listeners
    topology = ClusterTopology.of(configuration)
    topology.add(self)
  }

  deinit { close() }

  /// Whether all channels have a node whose link is up.
  var isConnected: Bool {
    state.withLock { state in
      if state.isClosed || state.channels.values.contains(where: { $0 == nil }) { return false }
      return topology.primaries != nil && state.mailboxes.values.allSatisfy(\.isUp)
    }
  }

  /// Subscribes to a channel.
  func subscribe(_ channel: String) {
    state.withLock { state in
      guard !state.isClosed, state.channels[channel] == nil else { return }
      let node = topology.owner(of: KeySlot.of(channel))
      state.channels[channel] = .some(node)
      if let node { post(.subscribe(channel, hasMoved: false), to: node, &state) } else { topology.doubt() }
    }
  }

  /// Unsubscribes from a channel.
  func unsubscribe(_ channel: String) {
    state.withLock { state in
      guard let place = state.channels.removeValue(forKey: channel), let node = place else { return }
      post(.unsubscribe(channel), to: node, &state)
    }
  }

  /// Closes all links.
  func close() {
    state.withLock { state in
      state.isClosed = true
      for mailbox in state.mailboxes.values { mailbox.close() }
      state.mailboxes = [:]
      state.channels = [:]
    }
    topology.remove(ObjectIdentifier(self))
  }

  /// Moves channels to the nodes that serve their slots now.
  func mapHasChanged() {
    guard let primaries = topology.primaries else { return }
    state.withLock { state in
      for (channel, place) in state.channels {
        guard let node = topology.owner(of: KeySlot.of(channel)), node != place else { continue }
        state.channels[channel] = .some(node)
        if let place { post(.unsubscribe(channel), to: place, &state) }
        post(.subscribe(channel, hasMoved: place != nil), to: node, &state)
      }
      for node in state.mailboxes.keys where !primaries.contains(node) {
        state.mailboxes.removeValue(forKey: node)?.close()
      }
    }
  }

  private func post(_ message: ShardTraffic.Message, to node: RedisAddress.Host, _ state: inout State) {
    if state.isClosed { return }
    _ = mailbox(of: node, &state).post(message)
  }

  private func mailbox(of node: RedisAddress.Host, _ state: inout State) -> Mailbox {
    if let mailbox = state.mailboxes[node] { return mailbox }
    var configuration = self.configuration
    configuration.address = configuration.address.node(node)
    configuration.topology = topology
    let mailbox = Mailbox()
    let traffic = ShardTraffic(
      listeners, at: node, of: topology, pingInterval: configuration.limits.pingInterval)
    Link.start(configuration, mailbox: mailbox, traffic: traffic)
    state.mailboxes[node] = mailbox
    return mailbox
  }
}
