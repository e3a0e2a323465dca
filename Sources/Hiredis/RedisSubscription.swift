public import Logging

/// Messages of Redis channels, over a connection and a thread of its own that come back by themselves, for ever.
///
/// Redis keeps no message for a subscriber that is away. Look at the state itself whenever `onSubscribe` or `onConnect`
/// says that a channel is being listened to (again); what changes after that look brings a message. Thousands of
/// channels are fine.
public final class RedisSubscription: Sendable {
  private let port = LinkPort<SubscriptionTraffic.Message>()

  /// Starts to connect at once and returns without waiting.
  ///
  /// All three functions are called on the subscription's thread, which they must not block.
  ///
  /// - Parameters:
  ///   - name: the name of the thread, and of the client in Redis's `CLIENT LIST`.
  ///   - onMessage: a message came.
  ///   - onSubscribe: Redis has confirmed the channel, at first and after every reconnect.
  ///   - onConnect: the connection is (again) up and all channels that were wanted at that time are confirmed.
  public convenience init(
    _ address: RedisAddress, name: String, logger: Logger,
    onMessage: @escaping @Sendable (_ channel: String, _ payload: [UInt8]) -> Void,
    onSubscribe: @escaping @Sendable (_ channel: String) -> Void = { _ in },
    onConnect: @escaping @Sendable () -> Void
  ) {
    self.init(
      LinkConfiguration(address: address, name: name, logger: logger, limits: LinkLimits()),
      .init(onMessage: onMessage, onSubscribe: onSubscribe, onConnect: onConnect))
  }

  /// A subscription with limits of its own, for tests.
  init(_ configuration: LinkConfiguration, _ listeners: SubscriptionTraffic.Listeners) {
    let traffic = SubscriptionTraffic(listeners, pingInterval: configuration.limits.pingInterval)
    Link.start(configuration, port: port, traffic: traffic)
  }

  deinit { close() }

  /// True while Redis is reached and has accepted the login.
  public var isConnected: Bool { port.isUp }

  /// Listens to a channel from some time soon until `unsubscribe`; a repeat does nothing.
  ///
  /// For any thread.
  public func subscribe(_ channel: String) {
    _ = port.post(.subscribe(channel))
  }

  /// Listens to a channel no more; a message that is on its way may still come.
  ///
  /// A repeat does nothing. For any thread.
  public func unsubscribe(_ channel: String) {
    _ = port.post(.unsubscribe(channel))
  }

  /// Ends the connection and its thread, soon after.
  ///
  /// Closing again does nothing.
  public func close() {
    port.close()
  }
}
