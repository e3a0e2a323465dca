import LinuxSupport

/// The PINGs of a subscription: no reply is due otherwise, so nothing else reveals a dead peer.
struct SubscriptionPulse {
  private let interval: Duration
  private var isDue = false
  private var pongsAwaited = 0

  /// When the next one is due; nil while the link is down.
  private(set) var next: MonotonicInstant?

  /// - Parameter interval: the time between two.
  init(every interval: Duration) {
    self.interval = interval
  }

  /// Whether an answer is due.
  var awaitsReply: Bool { pongsAwaited > 0 }

  /// Begins on a new socket.
  mutating func begin(at now: MonotonicInstant) { next = now + interval }

  /// Ends with the socket.
  mutating func end() { self = Self(every: interval) }

  /// Notes that `next` has passed.
  mutating func expire(at now: MonotonicInstant) {
    isDue = true
    next = now + interval
  }

  /// The PING, if it is due.
  mutating func nextFrame() -> [UInt8]? {
    guard isDue else { return nil }
    isDue = false
    pongsAwaited += 1
    return (["PING"] as RedisArguments).frame
  }

  /// Notes an answer.
  mutating func receivePong() { pongsAwaited -= 1 }
}

/// The traffic of subscriptions: messages arrive unasked, and few bytes are written.
protocol ListeningTraffic: LinkTraffic {}

extension ListeningTraffic {
  mutating func acceptSent(_ message: Message) { accept(message) }

  static var lendsSocket: Bool { false }
  static var noticesReplica: Bool { false }

  mutating func noteDelivered(_ bytes: Int, at now: Instant) {}

  mutating func noteReceived(at now: Instant) {}

  mutating func end() {}
}
