extension RedisConnection {
  /// Whether it connects to the nodes of a Redis Cluster.
  public var isCluster: Bool { if case .cluster = carrier { true } else { false } }

  /// The connection for commands and scripts whose keys have the same slot as this key. Outside a cluster: the
  /// connection itself.
  ///
  /// `isConnected`, `failure` and `generation` of the result are those of the node that serves the slot at the time. It
  /// shares the links to the nodes, and closes with the connection that it is made from.
  public func routed(to key: String) -> RedisConnection {
    guard case .cluster(let links, _) = carrier else { return self }
    return RedisConnection(links, slot: KeySlot.of(key), meter)
  }

  /// The same, for a script that is sent over a connection for any node.
  func routed(to keys: [String]) -> RedisConnection {
    guard case .cluster(_, slot: nil) = carrier, let key = keys.first else { return self }
    return routed(to: key)
  }
}

extension RedisConnection {
  /// What carries the commands.
  enum Carrier: Sendable {
    /// A link to the one server.
    case link(LinkMailbox<CommandTraffic.Message>)
    /// The links to the nodes of a cluster, for one slot, or for any node.
    case cluster(ClusterLinks, slot: Int?)

    /// Makes what an address needs.
    init(_ configuration: LinkConfiguration) {
      if case .cluster = configuration.address.endpoint {
        self = .cluster(ClusterLinks(configuration), slot: nil)
      } else {
        let mailbox = LinkMailbox<CommandTraffic.Message>()
        Link.start(configuration, mailbox: mailbox, traffic: CommandTraffic())
        self = .link(mailbox)
      }
    }

    /// Whether the server, or the node that serves the slot, can be used.
    var isUp: Bool {
      switch self {
      case .link(let mailbox): mailbox.isUp
      case .cluster(let links, let slot): links.link(for: slot)?.mailbox.isUp ?? false
      }
    }

    /// Why not.
    var failure: LinkFailure? {
      switch self {
      case .link(let mailbox): return mailbox.failure
      case .cluster(let links, let slot):
        guard let link = links.link(for: slot) else { return links.topology.failure(of: slot) }
        return link.mailbox.failure
      }
    }

    /// Changes whenever a link was lost, or another node serves the slot.
    var generation: Int {
      switch self {
      case .link(let mailbox): mailbox.generation
      case .cluster(let links, let slot):
        links.link(for: slot).map { $0.number << 32 + $0.mailbox.generation } ?? 0
      }
    }
  }
}
