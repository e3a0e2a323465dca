import LinuxSupport
import Logging
import Synchronization
import WorkflowOperations
import WorkflowStore

/// Claims queued runs whenever the worker has a free slot: on a wake-up message, when a slot is released, and by
/// polling once a second in case a message was lost. The slots are for the runs of all partitions.
///
/// A claim is sent by the thread that makes it due, and its runs start on the connection's thread: between a submission
/// and its first step no other thread has to wake up.
final class Claimer: Sendable {
  /// Bytes of documents up to which the connection's thread may run a run's immediate steps: they take it well under a
  /// millisecond.
  private static let shortRun = 32 << 10

  private let partitions: Partitions
  private let executor: Executor
  private let activeRuns: ActiveRuns
  private let logger: Logger
  private let watchdogTick: @Sendable (_ isDraining: Bool) -> Void
  private let isReachable: @Sendable () async -> Bool
  private let timeout: Duration
  private let classes: [RunClasses]
  private let schedule: Mutex<ClaimSchedule>
  /// Whether the end of a round is awaited to claim runs for the slots that are free by then.
  private let isToBeWoken = Atomic(false)
  private let end = AsyncStream<Never>.makeStream()

  /// - Parameters:
  ///   - worker: the worker's name.
  ///   - watchdogTick: called every second while the worker is able to work, also while claims fail, with whether
  ///     it takes no runs.
  ///   - isReachable: whether a fresh connection to Redis works.
  ///   - timeout: how long claims may have no answer before the worker counts as stalled.
  init(
    partitions: Partitions, executor: Executor, activeRuns: ActiveRuns, worker: String, lease: Duration, logger: Logger,
    watchdogTick: @escaping @Sendable (_ isDraining: Bool) -> Void, isReachable: @escaping @Sendable () async -> Bool,
    timeout: Duration = .seconds(30)
  ) {
    self.timeout = timeout
    self.watchdogTick = watchdogTick
    self.isReachable = isReachable
    self.partitions = partitions
    self.executor = executor
    self.activeRuns = activeRuns
    self.logger = logger
    classes = partitions.all.map { _ in RunClasses(executor.abilities) }
    let isDown = partitions.isSpread ? { (number: Int) in partitions.all[number].isDown } : nil
    schedule = Mutex(ClaimSchedule(worker: worker, lease: lease, classes: classes, isDown: isDown, at: .now))
  }

  /// Claims until ``stop()``.
  func run() async {
    let poll = Task { [self] in
      while !Task.isCancelled {
        wake(.poll)
        if await !isStalled() { watchdogTick(isDraining) }
        try? await Task.sleep(for: .seconds(1))
      }
    }
    for await _ in end.stream {}
    poll.cancel()
  }

  /// Ends ``run()``. A claim in flight may still take runs.
  func stop() {
    schedule.withLock { $0.stop() }
    end.continuation.finish()
  }

  /// Pauses the claims, or continues them. A claim in flight may still take runs.
  /// - Returns: whether that is a change.
  func setDraining(_ isDraining: Bool) -> Bool {
    guard schedule.withLock({ $0.setPaused(isDraining) }) else { return false }
    if !isDraining { wake(.reconnect) }
    return true
  }

  /// Whether the worker takes no runs for the time being.
  var isDraining: Bool { schedule.withLock { $0.isPaused } }

  /// Whether no claim is in flight.
  var isIdle: Bool { schedule.withLock { !$0.isClaiming } }

  /// The number of the newest claim of each partition whose runs are held by now, or whose answer was lost.
  var settledClaims: [Int] {
    schedule.withLock { schedule in partitions.all.indices.map { schedule.settledClaim(of: $0) } }
  }

  /// Claims if runs may be queued and a slot is free; from any thread.
  func wake(_ sign: ClaimSchedule.Sign) {
    let next = schedule.withLock { $0.wake(sign, load, at: .now) }
    if let next { claim(next) }
  }

  /// Runs whose ends Redis has answered together release their slots one after another in one round of a thread: one
  /// claim is for all of these.
  private func slotIsFree() {
    guard schedule.withLock({ $0.mayHaveMore }), !isToBeWoken.exchange(true, ordering: .acquiringAndReleasing)
    else { return }
    JobQueue.atEndOfRound { [self] in
      _ = isToBeWoken.exchange(false, ordering: .acquiringAndReleasing)
      wake(.freeSlot)
    }
  }

  private var load: ClaimSchedule.Load {
    ClaimSchedule.Load(
      heldRuns: activeRuns.count, freeSlots: activeRuns.freeSlots, hasQuarantined: activeRuns.hasQuarantined)
  }

  private func claim(_ next: ClaimSchedule.Next) {
    partitions.all[next.partition].claim(next.request) { [self] outcome in
      switch outcome {
      case .success(let claim): succeed(claim, of: next.partition)
      case .failure(let error): fail(error, of: next.partition)
      }
    }
  }

  /// Starts the runs of a claim, and claims again if more runs may be queued.
  private func succeed(_ claim: Claim, of partition: Int) {
    start(claim, of: partition)
    let (next, hasRecovered) = schedule.withLock { $0.succeed(claim, of: partition, load, at: .now) }
    if hasRecovered { logger.notice("claims succeed again") }
    if let next { self.claim(next) }
  }

  private func fail(_ error: StoreError, of partition: Int) {
    let (next, isFirst) = schedule.withLock { $0.fail(of: partition, isAnswer: error.isAnswer, load, at: .now) }
    if isFirst { logger.warning("no run can be claimed: \(error)") }
    if let next { claim(next) }
  }

  /// Whether claims have had no answer for long although Redis answers a fresh connection: then only a restart of the
  /// process helps. An outage of Redis is no reason for a restart.
  private func isStalled() async -> Bool {
    let silence = schedule.withLock { $0.silence(at: .now) }
    guard silence > timeout, await isReachable() else { return false }
    logger.error(
      "claims have had no answer for \(silence.components.seconds) s although Redis answers a fresh connection")
    return true
  }

  // MARK: Runs of a claim

  /// Starts the runs of a claim.
  private func start(_ claim: Claim, of partition: Int) {
    if claim.dropped > 0 { logger.warning("dropped \(claim.dropped) queue entries without a queued job") }
    for name in classes[partition].takeMissing() {
      logger.warning(
        "runs may need \(name.ofRequirement), which this worker does not have; they stay queued for workers that do")
    }
    for run in claim.runs {
      acquire(
        HeldRun(id: run.id, token: run.token), isQuarantined: run.isSuspect,
        isShort: run.documentBytes <= Self.shortRun
      ) { [executor, logger] in await executor.execute(run, logger: logger) }
    }
    for run in claim.unread {
      acquire(run.run, isQuarantined: run.isSuspect) {
        [executor, store = partitions.all[partition], logger] in
        await executor.execute(run, from: store, logger: logger)
      }
    }
    for (held, claimedAt, error) in claim.unreadable {
      acquire(held) { [executor, logger] in
        await executor.giveUp(held, claimedAt: claimedAt, error, logger: logger)
      }
    }
  }

  private func acquire(
    _ run: HeldRun, isQuarantined: Bool = false, isShort: Bool = false, _ body: @escaping @Sendable () async -> Void
  ) {
    activeRuns.acquire(
      run, isQuarantined: isQuarantined, isShort: isShort, body, onSlotFree: { self.slotIsFree() })
  }
}

extension String {
  /// The name of a requirement as a sentence says it.
  fileprivate var ofRequirement: String {
    hasPrefix("field:") ? "the field \(dropFirst(6))" : "the operation \(self)"
  }
}
