/// The commands of many callers on one link.
struct CommandTraffic: LinkTraffic {
  /// A command on its way from a caller to the pipeline.
  struct Message: Sendable {
    /// The command as it goes over the wire.
    let frame: [UInt8]
    /// How many commands those are.
    var commands = 1
    /// When the caller stops waiting, unless something moves.
    let deadline: Instant
    /// How long the caller waits after something has moved.
    let patience: Duration
    /// The caller.
    let waiter: Waiter
  }

  private var pipeline = Pipeline<Waiter>()

  /// No commands yet.
  init() {}

  var nextDeadline: Instant? { pipeline.nextDeadline }
  var awaitsReply: Bool { pipeline.awaitsReply }

  mutating func accept(_ message: Message) {
    pipeline.enqueue(
      frame: message.frame, commands: message.commands, deadline: message.deadline, patience: message.patience,
      waiter: message.waiter)
  }

  mutating func acceptSent(_ message: Message) {
    accept(message)
    _ = pipeline.nextFrame()
  }

  static var letsCallersWrite: Bool { true }
  static var noticesReplica: Bool { true }

  mutating func linkIsUp(at now: Instant) {}

  mutating func linkIsDown() {
    pipeline.rewind()
  }

  mutating func nextFrame(at now: Instant) -> [UInt8]? {
    pipeline.nextFrame()
  }

  mutating func deliver(_ bytes: Int, at now: Instant) {
    pipeline.deliver(bytes, at: now)
  }

  mutating func hear(at now: Instant) {
    pipeline.hear(at: now)
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
