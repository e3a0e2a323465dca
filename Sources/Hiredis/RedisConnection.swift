public import Logging

/// One connection to Redis that any number of tasks and threads share.
///
/// What they send at the same time goes out together and is answered in order. It comes back by itself, for ever.
///
/// **Every command must be safe to send twice.** When the connection is lost, all commands without an answer are sent
/// again in their order, each until its deadline; Redis may have carried out the first sending. Commands that block in
/// Redis (`BLPOP`, `XREAD BLOCK`, `WAIT`) hold up all others and belong on a connection of their own; even there, an
/// answer that takes over 10 s counts as a dead peer.
///
/// `timeout` bounds how long nothing moves: a command that is being taken by the socket, or whose answer is arriving,
/// has as long again from every such progress. While Redis is away or silent it is the whole wait. A server that has
/// become a replica, or is loading its data, is left: the host's name is looked up again, and the commands go to the
/// server that it leads to by then.
///
/// A cancelled task still waits for its answer: a write that has begun has an outcome, and its caller learns it.
public final class RedisConnection: Sendable {
  private let port = LinkPort<CommandTraffic.Message>()

  /// Starts to connect at once, on a thread of its own, and returns without waiting.
  ///
  /// `name` names the thread and the client in Redis's `CLIENT LIST`; the log gets a line whenever the connection comes
  /// or goes.
  public convenience init(_ address: RedisAddress, name: String, logger: Logger) {
    self.init(LinkConfiguration(address: address, name: name, logger: logger, limits: LinkLimits()))
  }

  /// A connection with limits of its own, for tests.
  init(_ configuration: LinkConfiguration) {
    Link.start(configuration, port: port, traffic: CommandTraffic())
  }

  deinit { close() }

  /// True while Redis is reached and has accepted the login.
  public var isConnected: Bool { port.isUp }

  /// Why the connection is down, and what an operator can do; nil while it is up, and before the first attempt.
  public var failure: (reason: String, remedy: String?)? { port.failure.map { ($0.reason, $0.remedy) } }

  /// How often the connection has come up: another number after every time that it was lost.
  public var generation: Int { port.generation }

  /// Fails all that is pending with `unavailable`, and all that is sent from now on.
  ///
  /// The thread ends by itself, soon after. Closing again does nothing.
  public func close() {
    port.close()
  }

  /// Sends a command and waits for its answer, at most `timeout`.
  ///
  /// An error that Redis answers is thrown as `reply`.
  public func send(_ arguments: RedisArguments, timeout: Duration) async throws(RedisError) -> RedisReply {
    try await outcome(of: arguments.frame, deadline: .now + timeout, patience: timeout).get()
  }

  /// The same for a thread that may block, and does.
  ///
  /// Not for tasks: they share few threads, and may run on the one that brings the answer.
  @available(*, noasync, message: "tasks await send(_:timeout:)")
  public func sendBlocking(_ arguments: RedisArguments, timeout: Duration) throws(RedisError) -> RedisReply {
    try blockingOutcome(of: arguments, deadline: .now + timeout, patience: timeout).get()
  }

  /// Sends several commands in one piece and waits for all of their answers, at most `timeout`.
  ///
  /// Redis carries them out in their order; what others send may come between them. An error is among the answers.
  public func send(_ commands: [RedisArguments], timeout: Duration) async throws(RedisError) -> [RedisReply] {
    precondition(commands.count > 1, "several commands are two or more")
    let frame = Array(commands.map(\.frame).joined())
    return try await outcome(of: frame, commands: commands.count, deadline: .now + timeout, patience: timeout)
      .get().array ?? []
  }

  /// Runs a script on the server and waits for what it returns, at most `timeout`.
  ///
  /// A server that does not know the script (any more) is told of it, within the same time.
  public func evaluate(
    _ script: RedisScript, keys: [String], arguments: RedisArguments, timeout: Duration
  ) async throws(RedisError) -> RedisReply {
    let deadline = ContinuousClock.now + timeout
    var call = ScriptCall(script, keys: keys, arguments: arguments)
    while let command = call.command {
      call.receive(await outcome(of: command.frame, deadline: deadline, patience: timeout))
    }
    return try call.result.get()
  }

  /// The same for a thread that may block, and does.
  ///
  /// Not for tasks: they share few threads.
  @available(*, noasync, message: "tasks await evaluate(_:keys:arguments:timeout:)")
  public func evaluateBlocking(
    _ script: RedisScript, keys: [String], arguments: RedisArguments, timeout: Duration
  ) throws(RedisError) -> RedisReply {
    let deadline = ContinuousClock.now + timeout
    var call = ScriptCall(script, keys: keys, arguments: arguments)
    while let command = call.command {
      call.receive(blockingOutcome(of: command, deadline: deadline, patience: timeout))
    }
    return try call.result.get()
  }

  /// The same without waiting: what the script returns, or why it did not, is handed to a function.
  ///
  /// The function is called on the connection's own thread, which serves all others too: it must be quick and must not
  /// wait. It may give the next command, which then goes out without a thread being woken.
  public func evaluate(
    _ script: RedisScript, keys: [String], arguments: RedisArguments, timeout: Duration,
    then function: @escaping @Sendable (Result<RedisReply, RedisError>) -> Void
  ) {
    advance(
      ScriptCall(script, keys: keys, arguments: arguments), deadline: .now + timeout, patience: timeout, then: function)
  }

  private func advance(
    _ call: ScriptCall, deadline: ContinuousClock.Instant, patience: Duration,
    then function: @escaping @Sendable (Result<RedisReply, RedisError>) -> Void
  ) {
    guard let command = call.command else { return function(call.result) }
    let waiter = Waiter.function { [self] outcome in
      var call = call
      call.receive(outcome)
      advance(call, deadline: deadline, patience: patience, then: function)
    }
    post(.init(frame: command.frame, deadline: deadline, patience: patience, waiter: waiter))
  }

  private func outcome(
    of frame: [UInt8], commands: Int = 1, deadline: ContinuousClock.Instant, patience: Duration
  ) async -> Waiter.Outcome {
    await withUnsafeContinuation { continuation in
      post(
        .init(
          frame: frame, commands: commands, deadline: deadline, patience: patience, waiter: .task(continuation)))
    }
  }

  private func blockingOutcome(
    of arguments: RedisArguments, deadline: ContinuousClock.Instant, patience: Duration
  ) -> Waiter.Outcome {
    let outcome = BlockingOutcome()
    post(.init(frame: arguments.frame, deadline: deadline, patience: patience, waiter: .thread(outcome)))
    return outcome.wait()
  }

  private func post(_ message: CommandTraffic.Message) {
    if port.post(message, frame: message.frame, deadline: message.deadline) { return }
    message.waiter.resume(.failure(.unavailable(reason: "the connection was closed", outcomeUnknown: false)))
  }
}
