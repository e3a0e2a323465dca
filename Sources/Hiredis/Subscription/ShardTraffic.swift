import LinuxSupport

/// The subscriptions at one node of a cluster, to channels of the slots that it serves, with PINGs.
struct ShardTraffic: ListeningTraffic {
  /// The requests of the ``ClusterSubscription``.
  enum Message: Sendable {
    /// Subscribe to a channel.
    case subscribe(String, hasMoved: Bool)
    /// Unsubscribe from a channel.
    case unsubscribe(String)
  }

  /// How long until a channel is tried again that the node has refused.
  private static let patience = Duration.milliseconds(100)

  private let listeners: SubscriptionTraffic.Listeners
  private let node: RedisAddress.Host
  private let topology: ClusterTopology
  private var channels = ShardChannels()
  private var pulse: SubscriptionPulse
  private var nextTry: Instant?

  /// Creates traffic without channels.
  init(
    _ listeners: SubscriptionTraffic.Listeners, at node: RedisAddress.Host, of topology: ClusterTopology,
    pingInterval: Duration
  ) {
    self.listeners = listeners
    self.node = node
    self.topology = topology
    pulse = SubscriptionPulse(every: pingInterval)
  }

  var nextDeadline: Instant? { [pulse.next, nextTry].compactMap(\.self).min() }
  var awaitsReply: Bool { channels.awaitsReply || pulse.awaitsReply }

  mutating func accept(_ message: Message) {
    switch message {
    case .subscribe(let channel, let hasMoved): channels.subscribe(channel, hasMoved: hasMoved)
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
    nextTry = nil
  }

  mutating func nextFrame(at now: Instant) -> [UInt8]? { channels.nextFrame() ?? pulse.nextFrame() }

  mutating func expire(at now: Instant, because reason: String) {
    if let time = nextTry, time <= now {
      nextTry = nil
      channels.retry()
    }
    if let time = pulse.next, time <= now { pulse.expire(at: now) }
  }

  mutating func receive(_ reply: RedisReply) throws(LinkFailure) {
    if case .error(let error) = reply { return try refuse(error) }
    let parts = reply.array ?? [reply]
    let channel = parts.count > 1 ? parts[1].string ?? "" : ""
    switch (parts.first?.string?.lowercased(), parts.count) {
    case ("smessage", 3):
      listeners.onMessage(channel, parts[2].bytesValue ?? [])
    case ("ssubscribe", 3):
      channels.confirm(channel)
      listeners.onSubscribe(channel)
      announceRecovery()
    case ("sunsubscribe", 3):
      if !channels.confirmRemoval(channel) { tryLater() }
    case ("pong", _):
      pulse.receivePong()
    default:
      throw SubscriptionTraffic.refusal(reply)
    }
  }

  /// Handles an error: a channel whose slot another node serves, or none for now, is tried again, there or here.
  private mutating func refuse(_ error: RedisReplyError) throws(LinkFailure) {
    guard channels.awaitsReply,
      let redirection = Redirection(.failure(.reply(error)), from: node, isScript: false, commands: 1)
    else { throw LinkFailure(error) }
    channels.refuse()
    tryLater()
    if case .moved(let slot, let owner) = redirection { topology.note(slot: slot, at: owner) }
  }

  private mutating func tryLater() {
    topology.doubt()
    if channels.hasRefused, nextTry == nil { nextTry = .now + Self.patience }
  }

  private mutating func announceRecovery() {
    if channels.hasRecovered() { listeners.onConnect() }
  }
}
