public import Hiredis
public import Logging
public import ServiceLifecycle
public import WorkflowOperations
public import WorkflowStore

/// Takes runs from the queue and runs them, until it is told to stop.
///
/// A graceful shutdown stops the claims, lets runs finish for the drain time, and hands back what is left; a cancellation
/// hands everything back at once. Either way the worker is gone two seconds after the drain time at the latest, also when
/// Redis is away: runs that cannot be handed back by then wait until their leases lapse.
public struct Worker: Service {
  private let configuration: WorkerConfiguration
  private let registry: OperationRegistry
  private let redis: RedisAddress
  private let keys: Keys
  private let limits: RunStore.Limits
  private let logger: Logger
  private let pulse: @Sendable (_ runsInHand: Int) -> Void

  /// A worker of these operations against a Redis.
  /// - Parameter pulse: called every second or so as long as the worker is able to work, for a watchdog.
  public init(
    configuration: WorkerConfiguration, registry: OperationRegistry, redis: RedisAddress, keys: Keys,
    limits: RunStore.Limits, logger: Logger, pulse: @escaping @Sendable (_ runsInHand: Int) -> Void = { _ in }
  ) {
    self.pulse = pulse
    self.configuration = configuration
    self.registry = registry
    self.redis = redis
    self.keys = keys
    self.limits = limits
    self.logger = logger
  }

  /// Works until the service group shuts down.
  public func run() async throws {
    let name = WorkerName.make()
    let hands = RunsInHand(limit: configuration.runs)
    let records = connection("wf-records")
    let largeRecords = connection("wf-large-records")
    let claims = connection("wf-claims")
    let beats = connection("wf-heartbeat")
    let clock = RedisClock()
    let executor = Executor(
      registry: registry,
      limits: .init(
        outputBytes: configuration.maxOutputBytes, runBytes: configuration.maxRunBytes,
        progressEntryBytes: configuration.maxProgressEntryBytes),
      hands: hands,
      records: GroupCommit(store(records, clock: clock), large: store(largeRecords, clock: clock)),
      ended: EndedRuns(), clock: clock)
    let claimer = Claimer(
      store: store(claims, clock: clock), executor: executor, hands: hands, worker: name, configuration: configuration,
      logger: logger, pulse: { pulse(hands.count) }, isReachable: { await isReachable() })
    let heartbeat = Heartbeat(
      store: store(beats, timeout: configuration.lease / 3), hands: hands, worker: name, lease: configuration.lease,
      logger: logger, settledClaim: { claimer.settledClaim }, ended: executor.ended,
      restore: { [logger] in executor.restore($0, logger: logger) })
    let subscription = RedisSubscription(
      redis, name: "wf-wake", logger: logger, onMessage: { _, _ in claimer.wake() }, onConnect: { claimer.wake() })
    subscription.subscribe(keys.wakeChannel(of: name))
    let recovery = Task { [configuration, logger] in
      var recoverer = Recoverer(store: store(claims), worker: name, lease: configuration.lease, logger: logger)
      await recoverer.run()
    }
    heartbeat.start()
    logger.notice("worker started", metadata: ["worker": "\(name)", "runs": "\(configuration.runs)"])

    await withGracefulShutdownHandler {
      await withTaskCancellationHandler {
        await claimer.run()
      } onCancel: {
        claimer.stop()
      }
    } onGracefulShutdown: {
      claimer.stop()
    }

    recovery.cancel()
    subscription.close()
    await drain(hands, claimer)
    // Whoever still waits for an answer on them gets an error: nothing may hold up the end.
    for connection in [records, largeRecords, beats] { connection.close() }
    await heartbeat.stop()
    await leave(claims, name)
    claims.close()
    logger.notice("worker stopped")
  }

  /// How long handing back may take once the drain time is over; deregistering then has the rest of two seconds.
  private static let handBackTime = Duration.milliseconds(1_500)

  private func drain(_ hands: RunsInHand, _ claimer: Claimer) async {
    let end = ContinuousClock.now + configuration.drain
    if hands.count > 0 { logger.notice("finishing \(hands.count) runs within \(configuration.drain)") }
    await wait(until: end, orCancelled: true) {
      // What only waits to try again does so better elsewhere.
      hands.handBackWaiting()
      return hands.count == 0 && claimer.isIdle
    }
    if hands.count > 0 { logger.notice("handing back \(hands.count) runs") }
    hands.handBackAll()
    await wait(until: .now + Worker.handBackTime, orCancelled: false) { hands.count == 0 && claimer.isIdle }
    if hands.count > 0 {
      logger.warning("\(hands.count) runs could not be handed back; they continue when their leases have lapsed")
      hands.abandonAll()
    }
  }

  private func leave(_ connection: RedisConnection, _ name: String) async {
    do {
      try await store(connection, timeout: .milliseconds(500)).leave(worker: name)
    } catch {
      logger.notice("the worker counts as alive until its lease is over: \(error)")
    }
  }

  private func wait(
    until deadline: ContinuousClock.Instant, orCancelled: Bool, _ condition: @Sendable () -> Bool
  ) async {
    while !condition(), .now < deadline, !(orCancelled && Task.isCancelled) {
      // A task that was cancelled cannot sleep, but another one can on its behalf.
      await Task.detached { try? await Task.sleep(for: .milliseconds(10)) }.value
    }
  }

  private func isReachable() async -> Bool {
    let fresh = connection("wf-probe")
    defer { fresh.close() }
    // A script that is refused when writes are, so that a replica does not count.
    return (try? await store(fresh).health()) != nil
  }

  private func connection(_ name: String) -> RedisConnection { RedisConnection(redis, name: name, logger: logger) }

  private func store(
    _ connection: RedisConnection, timeout: Duration = .seconds(5), clock: RedisClock = RedisClock()
  ) -> RunStore {
    RunStore(connection, keys: keys, limits: limits, timeout: timeout, clock: clock)
  }
}
