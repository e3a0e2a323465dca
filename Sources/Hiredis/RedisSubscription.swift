public import Logging

/// Subscribes to Redis channels over a separate connection, which reconnects automatically and never gives up.
///
/// Redis keeps no messages for a disconnected subscriber. So read the state itself whenever `onSubscribe` or
/// `onConnect` is called; every later change has its message. Thousands of channels are possible.
///
/// In a Redis Cluster the channels are sharded: each is subscribed at the node that serves its slot, and receives what
/// is sent with `SPUBLISH`. There is a connection to each such node, and `onConnect` is called for each of them, and
/// when channels have followed their slot to another node.
public final class RedisSubscription: Sendable {
  private enum Carrier: Sendable {
    case link(LinkMailbox<SubscriptionTraffic.Message>)
    case cluster(ClusterSubscription)
  }

  private let carrier: Carrier

  /// Starts a thread that connects at once, and returns without waiting.
  ///
  /// The three functions are called on that thread and must not block it.
  /// - Parameters:
  ///   - name: the name of the thread, and of the client in Redis's `CLIENT LIST`.
  ///   - logger: logs when the connection is made, lost or refused.
  ///   - meter: is notified of each reconnect.
  ///   - onMessage: called for each message.
  ///   - onSubscribe: called when Redis has confirmed a channel, also after each reconnect.
  ///   - onConnect: called after each (re)connect, once all channels of that time are confirmed.
  public convenience init(
    _ address: RedisAddress, name: String, logger: Logger, meter: (any RedisMeter)? = nil,
    onMessage: @escaping @Sendable (_ channel: String, _ payload: [UInt8]) -> Void,
    onSubscribe: @escaping @Sendable (_ channel: String) -> Void = { _ in },
    onConnect: @escaping @Sendable () -> Void
  ) {
    self.init(
      LinkConfiguration(address: address, name: name, logger: logger, limits: LinkLimits(), meter: meter),
      .init(onMessage: onMessage, onSubscribe: onSubscribe, onConnect: onConnect))
  }

  /// Creates a subscription with other limits, for tests.
  init(_ configuration: LinkConfiguration, _ listeners: SubscriptionTraffic.Listeners) {
    if case .cluster = configuration.address.endpoint {
      carrier = .cluster(ClusterSubscription(configuration, listeners))
      return
    }
    let mailbox = LinkMailbox<SubscriptionTraffic.Message>()
    let traffic = SubscriptionTraffic(listeners, pingInterval: configuration.limits.pingInterval)
    Link.start(configuration, mailbox: mailbox, traffic: traffic)
    carrier = .link(mailbox)
  }

  deinit { close() }

  /// Whether the connection is established and logged in; in a cluster, those to all nodes of its channels.
  public var isConnected: Bool {
    switch carrier {
    case .link(let mailbox): mailbox.isUp
    case .cluster(let subscription): subscription.isConnected
    }
  }

  /// Subscribes to a channel, soon. A second call has no effect. Any thread may call it.
  public func subscribe(_ channel: String) {
    switch carrier {
    case .link(let mailbox): _ = mailbox.post(.subscribe(channel))
    case .cluster(let subscription): subscription.subscribe(channel)
    }
  }

  /// Unsubscribes from a channel, soon; a few messages may still arrive. A second call has no effect. Any thread may
  /// call it.
  public func unsubscribe(_ channel: String) {
    switch carrier {
    case .link(let mailbox): _ = mailbox.post(.unsubscribe(channel))
    case .cluster(let subscription): subscription.unsubscribe(channel)
    }
  }

  /// Closes the connection; its thread ends soon after. A second call has no effect.
  public func close() {
    switch carrier {
    case .link(let mailbox): mailbox.close()
    case .cluster(let subscription): subscription.close()
    }
  }
}
