/// What goes over a link: the commands of callers, or subscriptions.
///
/// Everything is called on the link's thread, and nothing may block.
protocol LinkTraffic: Sendable {
  /// What callers post to the link.
  associatedtype Message: Sendable

  /// A point in time.
  typealias Instant = ContinuousClock.Instant

  /// Takes on what a caller posted; the link may be up or down.
  mutating func accept(_ message: Message)

  /// Takes on what a caller has written to the socket already, when nothing was under way there.
  mutating func acceptSent(_ message: Message)

  /// Whether callers may write to a socket on which nothing is under way.
  static var letsCallersWrite: Bool { get }

  /// Whether a server that has become a replica makes itself known in the answers.
  static var noticesReplica: Bool { get }

  /// The link is up, on a socket that has seen nothing of this traffic yet.
  mutating func linkIsUp(at now: Instant)

  /// The socket is gone, and with it every answer that was due.
  mutating func linkIsDown()

  /// The next bytes to hand to the socket, or nil.
  ///
  /// Called while the link is up.
  mutating func nextFrame(at now: Instant) -> [UInt8]?

  /// So many of the bytes that were handed to the socket since the link is up are at the server's side.
  mutating func deliver(_ bytes: Int, at now: Instant)

  /// Bytes of answers have come.
  mutating func hear(at now: Instant)

  /// Takes the next answer.
  ///
  /// A failure that is thrown drops the socket.
  mutating func receive(_ reply: RedisReply) throws(LinkFailure)

  /// Called once `nextDeadline` has passed.
  ///
  /// `reason` says what stands in the way of the answers.
  mutating func expire(at now: Instant, because reason: String)

  /// The link was closed; this is the last call.
  mutating func end()

  /// When something becomes due by itself, if anything does.
  var nextDeadline: Instant? { get }

  /// True while Redis owes an answer, so that silence means a dead peer.
  var awaitsReply: Bool { get }
}
