/// The commands of one connection, or groups of several, in the order in which they were given: which are on the socket,
/// which wait, whose time is up.
///
/// Decides only; it touches neither a socket nor a waiter.
///
/// ```
///         receive ◀── [ on the socket: answers are due, in this order | not sent on this socket ] ◀── enqueue
///                                                     nextFrame moves this border ──▶
/// ```
///
/// Each waiter leaves the pipeline exactly once, in a `Completion`. A command whose time is up while its answer is
/// due keeps its place without a waiter, so that the late answer is not taken for the next command's.
///
/// A command's time is up when its deadline has passed and nothing has moved for as long as it is patient. What moves are
/// its own bytes or those before it, on their way to the server, and bytes of any answer: answers come in order, so each
/// byte brings its own nearer. Bytes that follow it on the way to the server say nothing about it.
struct Pipeline<Waiter: Sendable>: Sendable {
  /// A point in time.
  typealias Instant = ContinuousClock.Instant

  /// A waiter, and what to tell it.
  struct Completion: Sendable {
    /// Who gave the command.
    let waiter: Waiter
    /// Its end.
    let result: Result<RedisReply, RedisError>
  }

  private struct Slot: Sendable {
    var frame: [UInt8]
    /// How many commands the frame holds; what Redis answers to several is one reply, an array.
    let commands: Int
    var deadline: Instant
    let patience: Duration
    var waiter: Waiter?
    var wasSent = false
    /// Where it ends among the bytes of this socket.
    var end = 0
    /// The answers until now, if there are to be several.
    var replies: [RedisReply] = []

    init(frame: [UInt8], commands: Int, deadline: Instant, patience: Duration, waiter: Waiter) {
      self.frame = frame
      self.commands = commands
      self.deadline = deadline
      self.patience = patience
      self.waiter = waiter
    }

    /// When its time is up, unless something moves.
    func time(heardAt: Instant?) -> Instant {
      heardAt.map { max(deadline, $0 + patience) } ?? deadline
    }

    /// Takes an answer; returns the whole once it is there.
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

  private var slots = FIFO<Slot>()
  private var onSocket = 0
  /// Bytes handed to this socket, and how many of them the server's side has taken.
  private var handed = 0
  private var delivered = 0
  /// When the last byte of an answer came.
  private var heardAt: Instant?

  /// Never later than the earliest time at which a command's time is up.
  ///
  /// It may be earlier: that of a command which has its answer by now, or for which something has moved since.
  private(set) var nextDeadline: Instant?

  /// No commands.
  init() {}

  /// True while answers are due.
  var awaitsReply: Bool { onSocket > 0 }

  /// True while commands wait for a socket that takes them.
  var hasUnsent: Bool { slots.count > onSocket }

  /// Takes a command on, as the last in order.
  /// - Parameters:
  ///   - commands: how many the frame holds; several have one waiter, who gets their answers as an array.
  ///   - patience: how long it waits after something has moved.
  mutating func enqueue(
    frame: [UInt8], commands: Int = 1, deadline: Instant, patience: Duration = .zero, waiter: Waiter
  ) {
    slots.append(Slot(frame: frame, commands: commands, deadline: deadline, patience: patience, waiter: waiter))
    nextDeadline = nextDeadline.map { min($0, deadline) } ?? deadline
  }

  /// The next command to hand to the socket, which counts as sent from here on.
  mutating func nextFrame() -> [UInt8]? {
    guard hasUnsent else { return nil }
    defer { onSocket += 1 }
    let start = handed
    let frame = slots.update(onSocket) { slot in
      slot.wasSent = true
      slot.end = start + slot.frame.count
      return slot.frame
    }
    handed += frame.count
    return frame
  }

  /// Notes how many of the bytes handed to this socket the server's side has taken.
  ///
  /// Every command that was not there as a whole until now has its patience from here on.
  mutating func deliver(_ bytes: Int, at now: Instant) {
    guard bytes > delivered else { return }
    slots.forEach { [onSocket, delivered] index, slot in
      if index >= onSocket || slot.end > delivered { slot.deadline = max(slot.deadline, now + slot.patience) }
    }
    delivered = bytes
  }

  /// Notes that bytes of an answer have come.
  mutating func hear(at now: Instant) {
    heardAt = now
  }

  /// Matches an answer with the oldest command on the socket.
  ///
  /// Nil if nobody waits for it any more. A server that does not serve now has carried out nothing: the failure drops
  /// the socket, and the command is sent to whatever server the address leads to next.
  mutating func receive(_ reply: RedisReply) throws(LinkFailure) -> Completion? {
    guard onSocket > 0 else { throw LinkFailure("Redis sent an answer to no command: \(reply)") }
    if case .error(let error) = reply, error.meaning == .standby || error.code == "NOAUTH" {
      slots.update(0) { $0.wasSent = $0.commands > 1 }
      throw LinkFailure(error)
    }
    guard let reply = slots.update(0, { $0.receive(reply) }), var slot = slots.popFirst() else { return nil }
    onSocket -= 1
    if case .error(let error) = reply { return slot.complete(.failure(.reply(error))) }
    return slot.complete(.success(reply))
  }

  /// The socket is gone: everything without an answer is to be sent again, in order.
  mutating func rewind() {
    onSocket = 0
    handed = 0
    delivered = 0
    slots.filter { _, slot in
      slot.replies = []
      return slot.waiter != nil
    }
  }

  /// Ends the commands whose deadline has passed.
  mutating func expire(at now: Instant, because reason: String) -> [Completion] {
    guard let nextDeadline, nextDeadline <= now else { return [] }
    return end(because: reason) { [heardAt] in $0.time(heardAt: heardAt) <= now }
  }

  /// Ends all commands.
  mutating func failAll(because reason: String) -> [Completion] {
    end(because: reason) { _ in true }
  }

  private mutating func end(because reason: String, where isOver: (Slot) -> Bool) -> [Completion] {
    var completions: [Completion] = []
    var earliest: Instant?
    slots.filter { [onSocket, heardAt] index, slot in
      if isOver(slot), let completion = slot.fail(because: reason) { completions.append(completion) }
      guard slot.waiter != nil else { return index < onSocket }
      let time = slot.time(heardAt: heardAt)
      earliest = earliest.map { min($0, time) } ?? time
      return true
    }
    nextDeadline = earliest
    return completions
  }
}
