import LinuxSupport

/// The subscriptions of one link, with a PING every few seconds to detect a dead peer.
struct SubscriptionTraffic: ListeningTraffic {
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
  private var channels = SubscriptionState()
  private var pulse: SubscriptionPulse

  /// Creates traffic without channels.
  init(_ listeners: Listeners, pingInterval: Duration) {
    self.listeners = listeners
    pulse = SubscriptionPulse(every: pingInterval)
  }

  var nextDeadline: Instant? { pulse.next }
  var awaitsReply: Bool { channels.awaitsReply || pulse.awaitsReply }

  mutating func accept(_ message: Message) {
    switch message {
    case .subscribe(let channel): channels.subscribe(channel)
    case .unsubscribe(let channel): channels.unsubscribe(channel)
    }
    announceRecovery()
  }

  mutating func linkIsUp(at now: Instant) {
    channels.reset()
    pulse.begin(at: now)
    announceRecovery()
  }

  mutating func linkIsDown() {
    channels.discardServerState()
    pulse.end()
  }

  mutating func nextFrame(at now: Instant) -> [UInt8]? { channels.nextFrame() ?? pulse.nextFrame() }

  mutating func expire(at now: Instant, because reason: String) { pulse.expire(at: now) }

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
      pulse.receivePong()
    default:
      throw Self.refusal(reply)
    }
  }

  private mutating func announceRecovery() {
    if channels.hasRecovered() { listeners.onConnect() }
  }

  /// Why a subscription cannot be kept after a reply.
  static func refusal(_ reply: RedisReply) -> LinkFailure {
    guard case .error(let error) = reply else {
      return LinkFailure("Redis sent an unexpected message to a subscriber: \(reply)")
    }
    return LinkFailure(error)
  }
}
