import DequeModule
import LinuxSupport

/// The commands of one connection in their order: which were sent, which wait, which have expired. An entry may also be
/// a group of commands.
///
/// Decides only; it does no I/O and calls no waiter.
///
/// ```
///         receive ◀── [ sent: replies are due, in this order | not sent on this socket ] ◀── enqueue
///                                       nextFrame moves this border ──▶
/// ```
///
/// Each waiter leaves the pipeline exactly once, in a `Completion`. A command that expires after it was sent keeps its
/// slot without a waiter, so that its late reply is not matched with the next command.
///
/// A command expires when its deadline has passed and there was no progress during its timeout. Progress is a byte of
/// the command, or of one before it, that the server's host acknowledges, or a byte of any reply: replies arrive in
/// order.
struct Pipeline<Waiter: Sendable>: Sendable {
  /// A point in time.
  typealias Instant = MonotonicInstant

  /// A waiter with its result.
  struct Completion: Sendable {
    /// The waiter of the command.
    let waiter: Waiter
    /// The reply, or why there is none.
    let result: Result<RedisReply, RedisError>
  }

  private struct Slot: Sendable {
    var frame: [UInt8]
    /// How many commands the frame contains; the replies to several become one array.
    let commands: Int
    var deadline: Instant
    let timeout: Duration
    var waiter: Waiter?
    var wasSent = false
    /// The offset of its end among the bytes of this socket.
    var end = 0
    /// The replies so far, for several commands.
    var replies: [RedisReply] = []

    init(frame: [UInt8], commands: Int, deadline: Instant, timeout: Duration, waiter: Waiter) {
      self.frame = frame
      self.commands = commands
      self.deadline = deadline
      self.timeout = timeout
      self.waiter = waiter
    }

    /// When it expires, unless there is further progress.
    func expiry(receivedAt: Instant?) -> Instant {
      receivedAt.map { max(deadline, $0 + timeout) } ?? deadline
    }

    /// Adds a reply.
    /// - Returns: the complete reply; nil while others are due.
    mutating func receive(_ reply: RedisReply) -> RedisReply? {
      if commands == 1 { return reply }
      replies.append(reply)
      return replies.count == commands ? .array(replies) : nil
    }

    mutating func complete(_ result: Result<RedisReply, RedisError>) -> Completion? {
      frame = []
      return waiter.take().map { Completion(waiter: $0, result: result) }
    }

    mutating func fail(because reason: String) -> Completion? {
      complete(.failure(.unavailable(reason: reason, outcomeUnknown: wasSent)))
    }
  }

  private var slots = Deque<Slot>()
  private var sent = 0
  /// Bytes written to this socket, and how many of them the server's host has acknowledged.
  private var written = 0
  private var delivered = 0
  /// When the last byte of a reply arrived.
  private var receivedAt: Instant?

  /// A lower bound for the time at which the next command expires; nil without commands.
  ///
  /// It may be too early: the command may have its reply by now, or there was progress.
  private(set) var nextDeadline: Instant?

  /// Creates an empty pipeline.
  init() {}

  /// Whether replies are due.
  var awaitsReply: Bool { sent > 0 }

  /// Whether there are commands to send.
  var hasUnsent: Bool { slots.count > sent }

  /// Adds a command at the end.
  /// - Parameters:
  ///   - commands: how many the frame contains; the one waiter of several gets their replies as an array.
  ///   - timeout: how long it may wait without progress after the deadline.
  mutating func enqueue(
    frame: [UInt8], commands: Int = 1, deadline: Instant, timeout: Duration = .zero, waiter: Waiter
  ) {
    slots.append(Slot(frame: frame, commands: commands, deadline: deadline, timeout: timeout, waiter: waiter))
    nextDeadline = nextDeadline.map { min($0, deadline) } ?? deadline
  }

  /// The next command to write. It counts as sent from now on.
  mutating func nextFrame() -> [UInt8]? {
    guard hasUnsent else { return nil }
    defer { sent += 1 }
    let frame = slots[sent].frame
    written += frame.count
    slots[sent].wasSent = true
    slots[sent].end = written
    return frame
  }

  /// Notes how many of the bytes written to this socket the server's host has acknowledged.
  ///
  /// The timeout of every command that was not acknowledged as a whole before starts again.
  mutating func noteDelivered(_ bytes: Int, at now: Instant) {
    guard bytes > delivered else { return }
    for index in slots.indices where index >= sent || slots[index].end > delivered {
      slots[index].deadline = max(slots[index].deadline, now + slots[index].timeout)
    }
    delivered = bytes
  }

  /// Notes that bytes of a reply have arrived.
  mutating func noteReceived(at now: Instant) {
    receivedAt = now
  }

  /// Matches a reply with the oldest command that was sent.
  /// - Returns: nil if the command has expired or further replies are due.
  /// - Throws: `LinkFailure` when the server is not ready or not logged in to. It has executed nothing, so the command
  ///   is sent again on the next connection.
  mutating func receive(_ reply: RedisReply) throws(LinkFailure) -> Completion? {
    guard sent > 0 else { throw LinkFailure("Redis sent a reply to no command: \(reply)") }
    if case .error(let error) = reply, error.meaning == .standby || error.code == "NOAUTH" {
      slots[0].wasSent = slots[0].commands > 1
      throw LinkFailure(error)
    }
    guard let reply = slots[0].receive(reply), var slot = slots.popFirst() else { return nil }
    sent -= 1
    if case .error(let error) = reply { return slot.complete(.failure(.reply(error))) }
    return slot.complete(.success(reply))
  }

  /// Notes that the socket was closed: every command without a reply is sent again, in order.
  mutating func rewind() {
    sent = 0
    written = 0
    delivered = 0
    slots.removeAll { $0.waiter == nil }
    for index in slots.indices { slots[index].replies = [] }
  }

  /// Fails the commands that have expired.
  mutating func expire(at now: Instant, because reason: String) -> [Completion] {
    guard let nextDeadline, nextDeadline <= now else { return [] }
    return end(because: reason) { [receivedAt] in $0.expiry(receivedAt: receivedAt) <= now }
  }

  /// Fails all commands.
  mutating func failAll(because reason: String) -> [Completion] {
    end(because: reason) { _ in true }
  }

  private mutating func end(because reason: String, where isOver: (Slot) -> Bool) -> [Completion] {
    var completions: [Completion] = []
    var earliest: Instant?
    for index in slots.indices {
      if isOver(slots[index]), let completion = slots[index].fail(because: reason) { completions.append(completion) }
      guard slots[index].waiter != nil else { continue }
      let time = slots[index].expiry(receivedAt: receivedAt)
      earliest = earliest.map { min($0, time) } ?? time
    }
    // Those that were sent keep their slots for their late replies.
    let unsent = slots.dropFirst(sent).filter { $0.waiter != nil }
    slots.removeLast(slots.count - sent)
    slots += unsent
    nextDeadline = earliest
    return completions
  }
}
