import LinuxSupport

/// The subscriptions of one link, with a PING every few seconds to detect a dead peer.
struct SubscriptionTraffic: LinkTraffic {
  /// The requests of callers.
  enum Message: Sendable {
    /// Subscribe to a channel.
    case subscribe(String)
    /// Unsubscribe from a channel.
    case unsubscribe(String)
  }

  /// The callbacks, called on the link's thread.
  struct Listeners: Sendable {
    /// Called for each message.
    let onMessage: @Sendable (_ channel: String, _ payload: [UInt8]) -> Void
    /// Called when a channel is confirmed.
    let onSubscribe: @Sendable (_ channel: String) -> Void
    /// Called when all channels are confirmed on a new connection.
    let onConnect: @Sendable () -> Void
  }

  private let listeners: Listeners
  private let pingInterval: Duration
  private var channels = SubscriptionState()
  private var nextPing: Instant?
  private var isPingDue = false
  private var pongsAwaited = 0

  /// Creates traffic without channels.
  init(_ listeners: Listeners, pingInterval: Duration) {
    self.listeners = listeners
    self.pingInterval = pingInterval
  }

  var nextDeadline: Instant? { nextPing }
  var awaitsReply: Bool { channels.awaitsReply || pongsAwaited > 0 }

  mutating func accept(_ message: Message) {
    switch message {
    case .subscribe(let channel): channels.subscribe(channel)
    case .unsubscribe(let channel): channels.unsubscribe(channel)
    }
    announceRecovery()
  }

  mutating func acceptSent(_ message: Message) { accept(message) }

  static var lendsSocket: Bool { false }
  static var noticesReplica: Bool { false }

  mutating func linkIsUp(at now: Instant) {
    channels.reset()
    nextPing = now + pingInterval
    announceRecovery()
  }

  mutating func linkIsDown() {
    channels.discardServerState()
    nextPing = nil
    isPingDue = false
    pongsAwaited = 0
  }

  mutating func nextFrame(at now: Instant) -> [UInt8]? {
    if let frame = channels.nextFrame() { return frame }
    guard isPingDue else { return nil }
    isPingDue = false
    pongsAwaited += 1
    return (["PING"] as RedisArguments).frame
  }

  mutating func expire(at now: Instant, because reason: String) {
    isPingDue = true
    nextPing = now + pingInterval
  }

  mutating func noteDelivered(_ bytes: Int, at now: Instant) {}

  mutating func noteReceived(at now: Instant) {}

  mutating func end() {}

  mutating func receive(_ reply: RedisReply) throws(LinkFailure) {
    let parts = reply.array ?? [reply]
    switch (parts.first?.string?.lowercased(), parts.count) {
    case ("message", 3):
      listeners.onMessage(parts[1].string ?? "", parts[2].bytesValue ?? [])
    case ("subscribe", 3):
      channels.confirm(parts[1].string ?? "")
      listeners.onSubscribe(parts[1].string ?? "")
      announceRecovery()
    case ("unsubscribe", 3):
      channels.confirm(parts[1].string ?? "")
    case ("pong", _):
      pongsAwaited -= 1
    default:
      throw refusal(reply)
    }
  }

  private mutating func announceRecovery() {
    if channels.hasRecovered() { listeners.onConnect() }
  }

  private func refusal(_ reply: RedisReply) -> LinkFailure {
    guard case .error(let error) = reply else {
      return LinkFailure("Redis sent an unexpected message to a subscriber: \(reply)")
    }
    return LinkFailure(error)
  }
}
