import LinuxSupport
public import Logging

/// A connection to Redis that any number of tasks and threads share.
///
/// Commands that are sent at the same time are written together and answered in order. The connection reconnects
/// automatically and never gives up.
///
/// **Every command must be safe to execute twice.** When the connection is lost, all commands without a reply are sent
/// again in their order until they expire, although Redis may have executed them. Commands that block in Redis
/// (`BLPOP`, `XREAD BLOCK`, `WAIT`) delay all others and need a separate connection; even there, a reply that takes
/// more than 10 s counts as a dead peer.
///
/// `timeout` is how long a command may wait without progress; it starts again whenever bytes of the command are
/// delivered or bytes of a reply arrive. While Redis is unreachable or silent it is the whole wait. When the server has
/// become a replica or is loading its data, the connection is closed, the host's name is resolved again, and the
/// commands are sent there.
///
/// A cancelled task still waits for its reply: it must learn the outcome of a write that has begun.
public final class RedisConnection: Sendable {
  let carrier: Carrier
  let meter: (any RedisMeter)?

  /// Starts a thread that connects at once, and returns without waiting.
  /// - Parameters:
  ///   - name: the name of the thread, and of the client in Redis's `CLIENT LIST`.
  ///   - logger: logs when the connection is made, lost or refused.
  ///   - meter: is notified of each command and reconnect.
  public convenience init(_ address: RedisAddress, name: String, logger: Logger, meter: (any RedisMeter)? = nil) {
    self.init(LinkConfiguration(address: address, name: name, logger: logger, limits: LinkLimits(), meter: meter))
  }

  /// Creates a connection with other limits, for tests.
  init(_ configuration: LinkConfiguration) {
    meter = configuration.meter
    carrier = Carrier(configuration)
  }

  /// A connection for one slot over links that others use too.
  init(_ links: ClusterLinks, slot: Int, _ meter: (any RedisMeter)?) {
    self.meter = meter
    carrier = .cluster(links, slot: slot)
  }

  // The links to a cluster's nodes end with the last connection that uses them.
  deinit { if case .link(let mailbox) = carrier { mailbox.close() } }

  /// Whether the connection is established and logged in.
  public var isConnected: Bool { carrier.isUp }

  /// Why the connection is down, and what an operator can do; nil while it is up, and before the first attempt has
  /// failed.
  public var failure: (reason: String, remedy: String?)? { carrier.failure.map { ($0.reason, $0.remedy) } }

  /// How many times the connection was established: a change means that it was lost.
  public var generation: Int { carrier.generation }

  /// Fails all pending and all later commands with `unavailable`. The thread ends soon after. A second call has no
  /// effect.
  public func close() {
    switch carrier {
    case .link(let mailbox): mailbox.close()
    case .cluster(let links, _): links.close()
    }
  }

  /// Sends a command and waits for its reply.
  /// - Throws: `RedisError.reply` for an error reply, `unavailable` after the timeout.
  public func send(_ arguments: RedisArguments, timeout: Duration) async throws(RedisError) -> RedisReply {
    let start = MonotonicInstant.now
    let outcome = await outcome(of: arguments.frame, deadline: start + timeout, timeout: timeout)
    note(nil, outcome, since: start)
    return try outcome.get()
  }

  /// Sends several commands in one frame and waits for all of their replies.
  ///
  /// Redis executes them in their order; commands of other clients may be executed between them. Error replies are
  /// among the results.
  /// - Throws: `RedisError.unavailable` after the timeout.
  public func send(_ commands: [RedisArguments], timeout: Duration) async throws(RedisError) -> [RedisReply] {
    precondition(commands.count > 1, "several commands are two or more")
    let frame = RedisArguments.frame(of: commands)
    let start = MonotonicInstant.now
    let outcome = await outcome(of: frame, commands: commands.count, deadline: start + timeout, timeout: timeout)
    note(nil, outcome, since: start)
    return try outcome.get().array ?? []
  }

  /// Sends commands on keys of one slot in one frame; they count once replicas have acknowledged what they wrote. For
  /// this the connection waits.
  /// - Throws: the first error reply, `RedisError.unavailable` after the timeout, `unreplicated` when too few replicas
  ///   have acknowledged.
  public func send(
    _ commands: [RedisArguments], replicas: ReplicaWait, timeout: Duration
  ) async throws(RedisError) -> [RedisReply] {
    let replies = try await send(commands + replicas.commands(inCluster: isCluster), timeout: timeout)
    return try replicas.result(replies, of: commands.count).get()
  }

  /// Runs a script and waits for its result. A server that does not know the script is sent its source first.
  /// - Parameter replicas: the replicas that must acknowledge what it wrote; the connection waits for them. nil: none.
  /// - Throws: `RedisError.reply` for an error reply, `unavailable` after the timeout, `unreplicated` when too few
  ///   replicas have acknowledged.
  public func evaluate(
    _ script: RedisScript, keys: [String], arguments: RedisArguments, replicas: ReplicaWait? = nil, timeout: Duration
  ) async throws(RedisError) -> RedisReply {
    let start = MonotonicInstant.now
    let connection = routed(to: keys)
    var call = ScriptCall(script, keys: keys, arguments: arguments, replicas: replicas, inCluster: isCluster)
    while case let commands = call.commands, !commands.isEmpty {
      call.receive(
        await connection.outcome(
          of: RedisArguments.frame(of: commands), commands: commands.count, isScript: true, deadline: start + timeout,
          timeout: timeout))
    }
    note(script, call.result, since: start)
    return try call.result.get()
  }

  /// Runs a script and passes its result to a function, without waiting.
  ///
  /// The function is called on the connection's thread, which serves all callers: it must be quick and must not block.
  /// A command that it sends is written without waking another thread. In a cluster, a call that expires while it waits
  /// for a node is answered on the thread `redis-wait`. A call on a closed connection is answered on the caller's.
  /// - Parameter replicas: as in ``evaluate(_:keys:arguments:replicas:timeout:)``.
  public func evaluate(
    _ script: RedisScript, keys: [String], arguments: RedisArguments, replicas: ReplicaWait? = nil, timeout: Duration,
    then function: @escaping @Sendable (Result<RedisReply, RedisError>) -> Void
  ) {
    let start = MonotonicInstant.now
    let call = ScriptCall(script, keys: keys, arguments: arguments, replicas: replicas, inCluster: isCluster)
    routed(to: keys).advance(call, deadline: start + timeout, timeout: timeout) { [self] result in
      note(script, result, since: start)
      function(result)
    }
  }

  private func note(_ script: RedisScript?, _ outcome: Waiter.Outcome, since start: MonotonicInstant) {
    guard let meter else { return }
    var isAnswered = true
    if case .failure(.unavailable) = outcome { isAnswered = false }
    meter.note(script, isAnswered: isAnswered, took: .now - start)
  }

  private func advance(
    _ call: ScriptCall, deadline: MonotonicInstant, timeout: Duration,
    then function: @escaping @Sendable (Result<RedisReply, RedisError>) -> Void
  ) {
    let commands = call.commands
    if commands.isEmpty { return function(call.result) }
    let waiter = Waiter.function { [self] outcome in
      var call = call
      call.receive(outcome)
      advance(call, deadline: deadline, timeout: timeout, then: function)
    }
    post(
      .init(
        frame: RedisArguments.frame(of: commands), commands: commands.count, deadline: deadline, timeout: timeout,
        waiter: waiter), isScript: true)
  }

  private func outcome(
    of frame: [UInt8], commands: Int = 1, isScript: Bool = false, deadline: MonotonicInstant, timeout: Duration
  ) async -> Waiter.Outcome {
    await withUnsafeContinuation { continuation in
      post(
        .init(frame: frame, commands: commands, deadline: deadline, timeout: timeout, waiter: .task(continuation)),
        isScript: isScript)
    }
  }

  private func post(_ message: CommandTraffic.Message, isScript: Bool) {
    switch carrier {
    case .link(let mailbox):
      if mailbox.post(message, frame: message.frame, deadline: message.deadline) { return }
      message.waiter.resume(.failure(.unavailable(reason: "the connection was closed", outcomeUnknown: false)))
    case .cluster(let links, let slot):
      RoutedCall(message, slot: slot, isScript: isScript, over: links).send()
    }
  }
}
