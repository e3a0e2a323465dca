public import Logging

/// Subscribes to Redis channels over a separate connection, which reconnects automatically and never gives up.
///
/// Redis keeps no messages for a disconnected subscriber. So read the state itself whenever `onSubscribe` or
/// `onConnect` is called; every later change has its message. Thousands of channels are possible.
public final class RedisSubscription: Sendable {
  private let mailbox = LinkMailbox<SubscriptionTraffic.Message>()

  /// Starts a thread that connects at once, and returns without waiting.
  ///
  /// The three functions are called on that thread and must not block it.
  /// - Parameters:
  ///   - name: the name of the thread, and of the client in Redis's `CLIENT LIST`.
  ///   - logger: logs when the connection is made, lost or refused.
  ///   - meter: is told of each reconnect.
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
    let traffic = SubscriptionTraffic(listeners, pingInterval: configuration.limits.pingInterval)
    Link.start(configuration, mailbox: mailbox, traffic: traffic)
  }

  deinit { close() }

  /// Whether the connection is established and logged in.
  public var isConnected: Bool { mailbox.isUp }

  /// Subscribes to a channel, soon. A second call has no effect. Any thread may call it.
  public func subscribe(_ channel: String) {
    _ = mailbox.post(.subscribe(channel))
  }

  /// Unsubscribes from a channel, soon; a few messages may still arrive. A second call has no effect. Any thread may
  /// call it.
  public func unsubscribe(_ channel: String) {
    _ = mailbox.post(.unsubscribe(channel))
  }

  /// Closes the connection; its thread ends soon after. A second call has no effect.
  public func close() {
    mailbox.close()
  }
}
