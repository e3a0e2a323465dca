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
  /// What each partition has counted, as it was read last: sums never get smaller while a partition is down.
  private let sums = Mutex<[Int: [Meter.Growth]]>([:])
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
      let down = try await readState(&figures)
      if let sums = try await readSums() {
        figures.addInitial()
        for growth in sums { figures.add(growth) }
      }
      figures.set(.partitionsDown, to: Double(down))
      figures.set(.redisUp, to: 1)
    } catch {
      if error.isAnswer { return .failure(error) }
      figures = MetricFigures()
      figures.set(.build, [version], to: 1)
      figures.set(.redisUp, to: 0)
    }
    return .success(figures)
  }

  /// What all partitions have counted; nil where that of one is not known, since a sum without it would be too small.
  private func readSums() async throws(StoreError) -> [Meter.Growth]? {
    guard partitions.isSpread else {
      var growths: [Meter.Growth] = []
      for store in partitions.all { growths += try await store.metrics() }
      return growths
    }
    let answers = await partitions.answers(within: .seconds(2)) { _, store throws(StoreError) in
      try await store.metrics()
    }
    return sums.withLock { sums in
      for (number, answer) in answers.enumerated() {
        if case .success(let growths) = answer { sums[number] = growths }
      }
      return sums.count == answers.count ? sums.values.flatMap(\.self) : nil
    }
  }

  /// - Returns: how many partitions are down.
  private func readState(_ figures: inout MetricFigures) async throws(StoreError) -> Int {
    let state = try await partitions.state()
    let health = state.health
    let counts = try await partitions.knownCounts()
    figures.set(.runsQueued, to: Double(health.queued))
    figures.set(.runsStarted, to: Double(counts.started))
    figures.set(.runsParked, to: Double(counts.parked))
    figures.set(.runsPaused, to: Double(counts.paused))
    figures.set(.queueAge, to: counts.oldestQueued)
    figures.set(.runningAge, to: counts.oldestStarted)
    figures.set(.recoveryOverdue, to: Double(max(health.recoveryOverdue, health.reconciliationOverdue)))
    // A sum without those of some partitions would look like a new beginning.
    if state.down.isEmpty { for (what, count) in health.repairs { figures.add(count, to: .repairs, [what]) } }
    figures.set(.inboxEntries, to: Double(state.inbox.entries))
    figures.set(.callbacksWaiting, to: Double(state.callbacks.waiting))
    figures.set(.callbacksDead, to: Double(state.callbacks.dead))
    do { setWorkers(try await catalog.look().workers, &figures) } catch { if state.down.isEmpty { throw error } }
    return state.down.count
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
