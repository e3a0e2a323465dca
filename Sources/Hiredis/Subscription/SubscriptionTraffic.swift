/// The channels of one link, and a PING every few seconds, without which a dead peer would look like a silent one.
struct SubscriptionTraffic: LinkTraffic {
  /// What callers ask for.
  enum Message: Sendable {
    /// Messages of that channel from now on.
    case subscribe(String)
    /// No more messages of that channel.
    case unsubscribe(String)
  }

  /// Whom to tell.
  struct Listeners: Sendable {
    /// A message came.
    let onMessage: @Sendable (_ channel: String, _ payload: [UInt8]) -> Void
    /// A channel is subscribed.
    let onSubscribe: @Sendable (_ channel: String) -> Void
    /// All channels are subscribed, on a fresh connection.
    let onConnect: @Sendable () -> Void
  }

  private let listeners: Listeners
  private let pingInterval: Duration
  private var channels = ChannelLedger()
  private var nextPing: Instant?
  private var isPingDue = false
  private var pongsAwaited = 0

  /// No channels yet.
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

  static var letsCallersWrite: Bool { false }
  static var noticesReplica: Bool { false }

  mutating func linkIsUp(at now: Instant) {
    channels.beginAnew()
    nextPing = now + pingInterval
    announceRecovery()
  }

  mutating func linkIsDown() {
    channels.forgetServer()
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

  mutating func deliver(_ bytes: Int, at now: Instant) {}

  mutating func hear(at now: Instant) {}

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
    guard case .error(let error) = reply else { return LinkFailure("Redis sent what no subscriber expects: \(reply)") }
    return LinkFailure(error)
  }
}
