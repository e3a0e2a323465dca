/// The commands of many callers on one link.
struct CommandTraffic: LinkTraffic {
  /// A command, or several in one frame, from a caller.
  struct Message: Sendable {
    /// The bytes to write.
    let frame: [UInt8]
    /// How many commands the frame contains.
    var commands = 1
    /// When the command expires, unless there is progress.
    let deadline: Instant
    /// How long the command may wait without progress.
    let timeout: Duration
    /// The receiver of the reply.
    let waiter: Waiter

    /// The same for another receiver.
    func with(waiter: Waiter) -> Self {
      Self(frame: frame, commands: commands, deadline: deadline, timeout: timeout, waiter: waiter)
    }
  }

  private var pipeline = Pipeline<Waiter>()

  /// Creates traffic without commands.
  init() {}

  var nextDeadline: Instant? { pipeline.nextDeadline }
  var awaitsReply: Bool { pipeline.awaitsReply }

  mutating func accept(_ message: Message) {
    pipeline.enqueue(
      frame: message.frame, commands: message.commands, deadline: message.deadline, timeout: message.timeout,
      waiter: message.waiter)
  }

  mutating func acceptSent(_ message: Message) {
    accept(message)
    _ = pipeline.nextFrame()
  }

  static var lendsSocket: Bool { true }
  static var noticesReplica: Bool { true }

  mutating func linkIsUp(at now: Instant) {}

  mutating func linkIsDown() {
    pipeline.rewind()
  }

  mutating func nextFrame(at now: Instant) -> [UInt8]? {
    pipeline.nextFrame()
  }

  mutating func noteDelivered(_ bytes: Int, at now: Instant) {
    pipeline.noteDelivered(bytes, at: now)
  }

  mutating func noteReceived(at now: Instant) {
    pipeline.noteReceived(at: now)
  }

  mutating func receive(_ reply: RedisReply) throws(LinkFailure) {
    if let completion = try pipeline.receive(reply) { Self.perform(completion) }
  }

  mutating func expire(at now: Instant, because reason: String) {
    pipeline.expire(at: now, because: reason).forEach(Self.perform)
  }

  mutating func end() {
    pipeline.failAll(because: "the connection was closed").forEach(Self.perform)
  }

  private static func perform(_ completion: Pipeline<Waiter>.Completion) {
    completion.waiter.resume(completion.result)
  }
}
