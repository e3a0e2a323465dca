import LinuxSupport

/// The traffic of a link: commands or subscriptions.
///
/// All methods are called on the link's thread and must not block.
protocol LinkTraffic: Sendable {
  /// The type of the messages that callers post.
  associatedtype Message: Sendable

  /// A point in time.
  typealias Instant = MonotonicInstant

  /// Accepts a message of a caller; the link may be up or down.
  mutating func accept(_ message: Message)

  /// Accepts a message that a caller has already written to the idle socket.
  mutating func acceptSent(_ message: Message)

  /// Whether the idle socket is lent to callers.
  static var lendsSocket: Bool { get }

  /// Whether replies reveal that the server has become a replica.
  static var noticesReplica: Bool { get }

  /// Notes that the link is up, on a new socket.
  mutating func linkIsUp(at now: Instant)

  /// Notes that the socket was closed; replies that were due will not arrive.
  mutating func linkIsDown()

  /// The next bytes to write, or nil. Called while the link is up.
  mutating func nextFrame(at now: Instant) -> [UInt8]?

  /// Notes how many of the bytes written since the link came up were acknowledged by the server's host.
  mutating func noteDelivered(_ bytes: Int, at now: Instant)

  /// Notes that bytes of replies have arrived.
  mutating func noteReceived(at now: Instant)

  /// Handles the next reply.
  /// - Throws: `LinkFailure` to close the socket and reconnect.
  mutating func receive(_ reply: RedisReply) throws(LinkFailure)

  /// Called once `nextDeadline` has passed.
  /// - Parameter reason: why replies are late.
  mutating func expire(at now: Instant, because reason: String)

  /// Notes that the link was closed. The last call.
  mutating func end()

  /// When to call `expire(at:because:)`; nil for never.
  var nextDeadline: Instant? { get }

  /// Whether replies are due, so that silence means a dead peer.
  var awaitsReply: Bool { get }
}
