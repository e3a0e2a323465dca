import Glibc
public import Hiredis
public import Logging
public import Metrics
public import ServiceLifecycle
public import Tracing
import Workflow
public import WorkflowOperations
public import WorkflowStore

/// Claims runs from the queue and executes them until it is told to stop.
///
/// A graceful shutdown stops the claims, lets active runs finish within the drain time and hands back the rest; a
/// cancellation hands back every run at once. Either way ``run()`` returns two seconds after the drain time at the
/// latest, also when Redis is unreachable: runs that cannot be handed back by then continue when their leases have
/// lapsed.
public struct Worker: Service {
  let configuration: WorkerConfiguration
  let registry: OperationRegistry
  private let redis: RedisAddress
  private let keys: Keys
  let partitionCount: Int
  private let limits: RunStore.Limits
  let callbacks: CallbackConfiguration?
  private let spans: (any SpanRecorder)?
  private let meter: Meter
  private let redisMeter: RedisCommandMeter
  let logger: Logger
  private let watchdogTick: @Sendable (_ activeRuns: Int, _ isDraining: Bool) -> Void

  /// A worker that has these operations and claims from this Redis.
  /// - Parameters:
  ///   - partitions: among how many partitions the runs are divided.
  ///   - spans: takes the spans of runs, steps and callbacks; nil to write none.
  ///   - meter: counts what the worker does; the worker adds it to the sums of all processes.
  ///   - watchdogTick: called about once a second while the worker is able to work, with the number of active runs, and
  ///     whether it takes no more.
  public init(
    configuration: WorkerConfiguration, registry: OperationRegistry, redis: RedisAddress, keys: Keys,
    partitions: Int = 1, limits: RunStore.Limits, callbacks: CallbackConfiguration? = nil,
    spans: (any SpanRecorder)? = nil, meter: Meter = Meter(), logger: Logger,
    watchdogTick: @escaping @Sendable (_ activeRuns: Int, _ isDraining: Bool) -> Void = { _, _ in }
  ) {
    self.watchdogTick = watchdogTick
    self.configuration = configuration
    self.registry = registry
    self.redis = redis
    self.keys = keys
    partitionCount = partitions
    self.limits = limits
    self.callbacks = callbacks
    self.spans = spans
    self.meter = meter
    redisMeter = RedisCommandMeter(meter, process: "worker")
    self.logger = logger
  }

  /// Works until the service group shuts down.
  /// - Throws: `PartitionMismatch`, at once or when Redis is back.
  public func run() async throws {
    let claims = connection("wf-claims")
    defer { claims.close() }
    let outages = OutageLog("the look at the number of partitions", logger: logger)
    let check = await partitions(claims).check(within: .seconds(1), outages)
    if case .differs(let mismatch) = check { throw mismatch }
    let late = await work(claims) { check == .fits ? check : await partitions(claims).check(outages) }
    if case .differs(let mismatch) = late { throw mismatch }
  }

  /// Claims and executes runs.
  /// - Parameter check: compares the number of partitions; the worker stops if they differ. What it claims until then
  ///   is a run of these data all the same.
  private func work(
    _ claims: RedisConnection, unless check: @escaping @Sendable () async -> PartitionCheck
  ) async -> PartitionCheck {
    let name = Self.makeName()
    let activeRuns = ActiveRuns(limit: configuration.runs)
    let writes = connection("wf-records")
    let largeWrites = connection("wf-large-records")
    let beats = connection("wf-heartbeat")
    let clock = RedisClock()
    let ended = EndedRuns()
    let executor = executor(writes, largeWrites, activeRuns, ended, clock)
    let claimer = Claimer(
      partitions: partitions(claims, clock: clock), executor: executor, activeRuns: activeRuns, worker: name,
      lease: configuration.lease, logger: logger, watchdogTick: { watchdogTick(activeRuns.count, $0) },
      isReachable: { await isReachable() })
    let heartbeat = heartbeat(beats, claimer, executor, activeRuns, ended, name)
    let announcer = announcer(claims, claimer, activeRuns, name)
    let subscription = subscribe(claimer, activeRuns, announcer, name)
    let announcing = Task { await announcer.run() }
    let sender = MetricsSender(meter, to: partitions(claims).all[0], logger: logger)
    let tasks = lookAfterOthers(claims, largeWrites, name, sender, unless: check)
    let calls = RunningCallbacks(
      callbacks, partitions(claims), worker: name, spans: spans, logger: logger, unless: check)
    heartbeat.start()
    logger.notice("worker started", metadata: ["worker": "\(name)", "runs": "\(configuration.runs)"])

    let outcome = await run(claimer, unless: check)
    for task in tasks { task.cancel() }
    calls?.stop()
    await drain(activeRuns, claimer, announcer, calls)
    announcing.cancel()
    await calls?.end()
    // A call that still waits for an answer fails now, so that nothing delays the end.
    subscription.close()
    for connection in [writes, largeWrites, beats] { connection.close() }
    await heartbeat.stop()
    await leave(claims, name, outcome == .fits ? sender : nil)
    logger.notice("worker stopped")
    return outcome
  }

  private func executor(
    _ writes: RedisConnection, _ largeWrites: RedisConnection, _ activeRuns: ActiveRuns, _ ended: EndedRuns,
    _ clock: RedisClock
  ) -> Executor {
    let commit = GroupCommit(partitions(writes, clock: clock), large: partitions(largeWrites, clock: clock))
    let (texts, counts) = (partitions(writes), WorkerMeter(meter, operations: registry.names))
    return Executor(
      registry: registry, limits: runLimits, activeRuns: activeRuns, ended: ended, clock: clock,
      texts: TextPublisher { await texts.write($0) },
      ledger: ModelLedger(texts, configuration.cooldown, meter: counts, logger: logger), meter: counts,
      spans: spans,
      // Where Redis does not answer, no lost lease is counted.
      recordedEnd: { id in
        do { return try await texts.store(of: id).end(of: id) } catch { return .unknown }
      }, send: commit.write)
  }

  private func heartbeat(
    _ connection: RedisConnection, _ claimer: Claimer, _ executor: Executor, _ activeRuns: ActiveRuns,
    _ ended: EndedRuns, _ name: String
  ) -> Heartbeat {
    Heartbeat(
      partitions: partitions(connection, timeout: configuration.lease / 3), activeRuns: activeRuns, worker: name,
      lease: configuration.lease, logger: logger, settledClaims: { claimer.settledClaims }, ended: ended,
      restore: { [logger] in executor.restore($0, logger: logger) })
  }

  private func announcer(
    _ connection: RedisConnection, _ claimer: Claimer, _ activeRuns: ActiveRuns, _ name: String
  ) -> Announcer {
    let facts = WorkerFacts(
      host: Self.hostName, processID: Int(getpid()), version: configuration.version, slots: configuration.runs)
    return Announcer(
      partitions: partitions(connection), worker: name, facts: facts,
      abilities: WorkerAbilities(operations: registry.schemas), lease: configuration.lease, claimer: claimer,
      activeRuns: activeRuns, logger: logger)
  }

  /// Subscribes to the messages for this worker in all partitions: wake-ups, runs that it must stop, and that it is to
  /// look whether it takes runs.
  private func subscribe(
    _ claimer: Claimer, _ activeRuns: ActiveRuns, _ announcer: Announcer, _ name: String
  ) -> RedisSubscription {
    let keys = Partitions.keys(keys, count: partitionCount)
    let channels = keys.map { $0.wakeChannel(of: name) }
    let controls = keys.map { $0.controlChannel(of: name) }
    let subscription = RedisSubscription(
      redis, name: "wf-wake", logger: logger, meter: redisMeter,
      onMessage: { channel, message in
        if let partition = channels.firstIndex(of: channel) {
          claimer.wake(.message(partition: partition))
        } else {
          switch ControlMessage(String(decoding: message, as: UTF8.self)) {
          case .lost(let run)?: _ = activeRuns.markLost([run])
          case .pause(let run)?: activeRuns.pause(run)
          case nil: announcer.look()
          }
        }
      },
      onConnect: {
        claimer.wake(.reconnect)
        announcer.look()
      })
    for channel in channels + controls { subscription.subscribe(channel) }
    return subscription
  }

  /// Claims until the service group shuts down, the task is cancelled, or the check finds a difference.
  private func run(
    _ claimer: Claimer, unless check: @escaping @Sendable () async -> PartitionCheck
  ) async -> PartitionCheck {
    let checking = Task {
      let outcome = await check()
      if case .differs = outcome { claimer.stop() }
      return outcome
    }
    await runUntilStopped(claimer)
    checking.cancel()
    return await checking.value
  }

  private func runUntilStopped(_ claimer: Claimer) async {
    await withGracefulShutdownHandler {
      await withTaskCancellationHandler {
        await claimer.run()
      } onCancel: {
        claimer.stop()
      }
    } onGracefulShutdown: {
      claimer.stop()
    }
  }

  private var runLimits: RunBudget.Limits {
    RunBudget.Limits(
      outputBytes: configuration.maxOutputBytes, runBytes: configuration.maxRunBytes,
      progressEntryBytes: configuration.maxProgressEntryBytes, items: configuration.maxItems,
      dayCost: configuration.maxCostDay)
  }

  /// How long handing back may take once the drain time is over; deregistering then has the rest of two seconds.
  private static let handBackTime = Duration.milliseconds(1_500)

  private func drain(
    _ activeRuns: ActiveRuns, _ claimer: Claimer, _ announcer: Announcer, _ calls: RunningCallbacks?
  ) async {
    announcer.noteStop()
    let end = ContinuousClock.now + configuration.drain
    if activeRuns.count > 0 { logger.notice("finishing \(activeRuns.count) runs within \(configuration.drain)") }
    await wait(until: end, orCancelled: true) {
      activeRuns.count == 0 && claimer.isIdle && calls?.isIdle != false
    }
    if activeRuns.count > 0 { logger.notice("handing back \(activeRuns.count) runs") }
    activeRuns.handBackAll()
    await wait(until: .now + Self.handBackTime, orCancelled: false) { activeRuns.count == 0 && claimer.isIdle }
    if activeRuns.count > 0 {
      logger.warning("\(activeRuns.count) runs could not be handed back; they continue when their leases have lapsed")
      activeRuns.abandonAll()
    }
  }

  /// Says that the worker is gone, and what it has counted; both at the same time, as Redis may be away.
  /// - Parameter sender: nil where the data are of another number of partitions: they are left as they are.
  private func leave(_ connection: RedisConnection, _ name: String, _ sender: MetricsSender?) async {
    async let sent: Void? = sender?.finish()
    await deregister(connection, name)
    await sent
  }

  private func deregister(_ connection: RedisConnection, _ name: String) async {
    let answers = await partitions(connection, timeout: .milliseconds(500)).answers { _, store throws(StoreError) in
      try await store.deregister(worker: name)
    }
    let failures = answers.compactMap { if case .failure(let error) = $0 { error } else { nil } }
    if let error = Partitions.joined(failures) {
      logger.notice("the worker counts as alive until its lease lapses: \(error)")
    }
  }

  private func wait(
    until deadline: ContinuousClock.Instant, orCancelled: Bool, _ condition: @Sendable () -> Bool
  ) async {
    while !condition(), .now < deadline, !(orCancelled && Task.isCancelled) {
      await Task.uncancelledSleep(for: .milliseconds(10))
    }
  }

  private func isReachable() async -> Bool {
    let fresh = connection("wf-probe")
    defer { fresh.close() }
    // Redis refuses this script when it refuses writes, so a replica does not count as reachable.
    let partitions = partitions(fresh)
    guard partitions.isSpread else { return (try? await partitions.all[0].health()) != nil }
    return await partitions.answers { _, store throws(StoreError) in try await store.health() }
      .contains { if case .success = $0 { true } else { false } }
  }

  /// A name that no other worker has: host, process id and a random number.
  private static func makeName() -> String {
    let host = hostName.filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }
    let random = String(UInt64.random(in: .min ... .max), radix: 16)
    return "\(host)-\(getpid())-\(random)"
  }

  private static var hostName: String {
    var buffer = [CChar](repeating: 0, count: 256)
    gethostname(&buffer, buffer.count - 1)
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func connection(_ name: String) -> RedisConnection {
    RedisConnection(redis, name: name, logger: logger, meter: redisMeter)
  }

  func partitions(
    _ connection: RedisConnection, timeout: Duration = .seconds(5), clock: RedisClock = RedisClock()
  ) -> Partitions {
    Partitions(connection, keys: keys, count: partitionCount, limits: limits, timeout: timeout, clock: clock)
  }
}
