import Synchronization

/// The link of one connection to one node of a cluster.
final class NodeLink: Sendable {
  /// The node.
  let node: RedisAddress.Host
  /// Shared with the thread of the link.
  let mailbox = LinkMailbox<CommandTraffic.Message>()
  /// Of the links of the connection, from 0.
  let number: Int
  private let ended = Atomic(false)

  /// Starts the link.
  init(_ node: RedisAddress.Host, number: Int, _ configuration: LinkConfiguration) {
    self.node = node
    self.number = number
    Link.start(configuration, mailbox: mailbox, traffic: CommandTraffic())
  }

  /// Whether the node serves no slot any more, so that its commands are for others.
  var isRetired: Bool { ended.load(ordering: .acquiring) }

  /// Ends the link because its node serves no slot any more. Its pending commands are routed again.
  func retire() {
    ended.store(true, ordering: .releasing)
    mailbox.close()
  }
}
