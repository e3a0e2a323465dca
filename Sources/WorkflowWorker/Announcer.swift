import ExactJSON
import Logging
import Synchronization
import Workflow
import WorkflowStore

/// Says once a second in Redis that the worker is there, what it is and what it does, and learns whether it is to take
/// no more runs. What it can do is long, and is written at the start and whenever it is gone.
final class Announcer: Sendable {
  private struct State {
    /// Of the abilities, as Redis has answered it.
    var digest: String?
    /// The partition that has answered last, where it has a number.
    var home: Int?
    /// Whether the worker is out of those that are woken for a run.
    var isWithdrawn = false
    var isStopping = false
  }

  private static let period = Duration.seconds(1)

  private let partitions: Partitions
  private let worker: String
  private let facts: WorkerFacts
  private let abilities: [UInt8]
  private let lease: Duration
  private let claimer: Claimer
  private let activeRuns: ActiveRuns
  private let logger: Logger
  private let outages: OutageLog
  private let started = ContinuousClock.now
  private let state = Mutex(State())
  private let signal = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

  init(
    partitions: Partitions, worker: String, facts: WorkerFacts, abilities: WorkerAbilities, lease: Duration,
    claimer: Claimer, activeRuns: ActiveRuns, logger: Logger
  ) {
    self.partitions = partitions
    self.worker = worker
    self.facts = facts
    self.lease = lease
    self.claimer = claimer
    self.activeRuns = activeRuns
    self.logger = logger
    outages = OutageLog("the announcement of this worker", logger: logger)
    self.abilities = Self.announced(abilities, logger)
  }

  /// What is announced: without operations where it would be too long.
  private static func announced(_ abilities: WorkerAbilities, _ logger: Logger) -> [UInt8] {
    let bytes = abilities.bytes
    if bytes.count <= RunStore.mostAbilityBytes { return bytes }
    logger.error(
      """
      the operations of this worker are not announced: their schemas have \(bytes.count) bytes, more than the \
      \(RunStore.mostAbilityBytes) that may be; the API accepts only operations of its own, so shorten the defaults and \
      summaries of parameters
      """)
    return WorkerAbilities(operations: [:], fields: abilities.fields).bytes
  }

  /// Looks at once instead of at the end of the second; from any thread.
  func look() { signal.continuation.yield() }

  /// Says from the next look on that the worker stops.
  func noteStop() {
    state.withLock { $0.isStopping = true }
    look()
  }

  /// Announces the worker until its task is cancelled.
  func run() async {
    let clock = Task {
      while !Task.isCancelled {
        look()
        try? await Task.sleep(for: Self.period)
      }
    }
    for await _ in signal.stream { await turn() }
    clock.cancel()
  }

  private func turn() async {
    do {
      let isDraining = try await announce()
      if claimer.setDraining(isDraining) {
        logger.notice(isDraining ? "this worker is drained: it takes no more runs" : "this worker takes runs again")
        look()
      }
      try await withdraw(isDraining)
      outages.noteSuccess()
    } catch {
      outages.note(error)
    }
  }

  /// - Returns: whether the worker is to take no runs.
  private func announce() async throws(StoreError) -> Bool {
    let isDraining = claimer.isDraining
    let isBusy = activeRuns.count > 0 || !claimer.isIdle
    let home = partitions.home
    let (digest, last, isStopping) = state.withLock { ($0.digest, $0.home, $0.isStopping) }
    let answer = try await home.announce(
      worker: worker, facts, abilities: abilities, digest: digest, runs: activeRuns.count,
      state: isStopping ? .stopping : isDraining ? (isBusy ? .draining : .drained) : .working, isDraining: isDraining,
      hasMoved: last != nil && last != home.partition, uptime: ContinuousClock.now - started, lease: lease)
    state.withLock { state in
      state.digest = answer.digest
      state.home = home.partition
    }
    return answer.isDraining
  }

  /// Once no claim is in flight any more, the worker is not to be woken for runs that it does not take.
  private func withdraw(_ isDraining: Bool) async throws(StoreError) {
    guard isDraining else { return state.withLock { $0.isWithdrawn = false } }
    guard claimer.isIdle, !state.withLock({ $0.isWithdrawn }) else { return }
    let answers = await partitions.answers { [worker] _, store throws(StoreError) in
      try await store.withdraw(worker: worker)
    }
    for answer in answers { try answer.get() }
    state.withLock { $0.isWithdrawn = true }
  }
}
