import LinuxSupport
import Metrics
import Synchronization
import WorkflowStore

/// Gathers the figures of a scrape: what is there now, and the sums of what all processes have counted.
///
/// Scrapes within a second share one collection, so that no client can have Redis asked more often.
final class MetricsCollector: Sendable {
  private typealias Outcome = Result<MetricFigures, StoreError>

  private static let period = Duration.seconds(1)

  private let partitions: Partitions
  private let catalog: OperationCatalog
  private let sender: MetricsSender
  private let version: String
  private let last = Mutex<(begun: MonotonicInstant, task: Task<Outcome, Never>)?>(nil)

  init(partitions: Partitions, catalog: OperationCatalog, sender: MetricsSender, version: String) {
    self.partitions = partitions
    self.catalog = catalog
    self.sender = sender
    self.version = version
  }

  /// The figures; of a Redis that is away, that it is.
  func figures() async throws(StoreError) -> MetricFigures {
    let task = last.withLock { last in
      let now = MonotonicInstant.now
      if let last, now < last.begun + Self.period { return last.task }
      let task = Task { await collect() }
      last = (now, task)
      return task
    }
    return try await task.value.get()
  }

  private func collect() async -> Outcome {
    var figures = MetricFigures()
    figures.set(.build, [version], to: 1)
    do throws(StoreError) {
      // What cannot be sent now is sent again, and the log says why; whether Redis answers, the reads say.
      try? await sender.flush()
      try await readState(&figures)
      figures.addInitial()
      for store in partitions.all {
        for growth in try await store.metrics() { figures.add(growth) }
      }
      figures.set(.redisUp, to: 1)
    } catch {
      if error.isAnswer { return .failure(error) }
      figures = MetricFigures()
      figures.set(.build, [version], to: 1)
      figures.set(.redisUp, to: 0)
    }
    return .success(figures)
  }

  private func readState(_ figures: inout MetricFigures) async throws(StoreError) {
    let health = try await partitions.health()
    let counts = try await partitions.counts()
    figures.set(.runsQueued, to: Double(health.queued))
    figures.set(.runsStarted, to: Double(counts.started))
    figures.set(.runsParked, to: Double(counts.parked))
    figures.set(.runsPaused, to: Double(counts.paused))
    figures.set(.queueAge, to: counts.oldestQueued)
    figures.set(.runningAge, to: counts.oldestStarted)
    figures.set(.recoveryOverdue, to: Double(max(health.recoveryOverdue, health.reconciliationOverdue)))
    for (what, count) in health.repairs { figures.add(count, to: .repairs, [what]) }
    figures.set(.inboxEntries, to: Double(try await partitions.inboxState().entries))
    let callbacks = try await partitions.callbackCounts()
    figures.set(.callbacksWaiting, to: Double(callbacks.waiting))
    figures.set(.callbacksDead, to: Double(callbacks.dead))
    setWorkers(try await catalog.look().workers, &figures)
  }

  private func setWorkers(_ workers: [LiveWorker], _ figures: inout MetricFigures) {
    var states: [String: Int] = ["unknown": 0]
    for state in WorkerState.allCases { states[state.rawValue] = 0 }
    var (places, used) = (0, 0)
    for worker in workers {
      // A worker of an older version says nothing of itself.
      states[worker.announcement?.state.rawValue ?? "unknown", default: 0] += 1
      places += worker.announcement?.facts.slots ?? 0
      used += worker.announcement?.runs ?? 0
    }
    for (state, count) in states { figures.set(.workers, [state], to: Double(count)) }
    figures.set(.places, to: Double(places))
    figures.set(.placesUsed, to: Double(used))
  }
}
