import Dispatch
import LinuxSupport
import Logging
import Synchronization
import WorkflowStore

/// Renews the leases of all active runs three times per lease, from a dedicated thread and over a dedicated connection,
/// so that no step, no busy thread pool and no large document can delay it. All partitions are asked at the same time.
final class Heartbeat: Sendable {
  private let partitions: Partitions
  private let activeRuns: ActiveRuns
  private let worker: String
  private let lease: Duration
  private let logger: Logger
  private let settledClaims: @Sendable () -> [Int]
  private let endedRuns: EndedRuns
  private let restore: @Sendable ([(run: HeldRun, batches: [CheckpointBatch])]) -> Void
  private let stopped = StopSignal()
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - partitions: over the dedicated connection, with a timeout of a third of the lease.
  ///   - settledClaims: of each partition the number of the newest claim whose runs are active, or whose answer was
  ///     lost.
  ///   - ended: runs whose end Redis may still lose.
  ///   - restore: called with the runs whose end Redis has lost.
  init(
    partitions: Partitions, activeRuns: ActiveRuns, worker: String, lease: Duration, logger: Logger,
    settledClaims: (@Sendable () -> [Int])? = nil, ended: EndedRuns = EndedRuns(),
    restore: @escaping @Sendable ([(run: HeldRun, batches: [CheckpointBatch])]) -> Void = { _ in }
  ) {
    self.settledClaims = settledClaims ?? { [Int](repeating: 0, count: partitions.count) }
    endedRuns = ended
    self.restore = restore
    self.partitions = partitions
    self.activeRuns = activeRuns
    self.worker = worker
    self.lease = lease
    self.logger = logger
  }

  /// Starts the thread.
  func start() {
    do {
      try SystemThread.detach(name: "wf-heartbeat") { self.beat() }
    } catch {
      fatalError("no thread for the heartbeat: \(error): raise the limit of threads (TasksMax)")
    }
  }

  /// Ends the thread, and waits until it has ended.
  func stop() async {
    stopped.raise()
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        self.ended.wait()
        continuation.resume()
      }
    }
  }

  private func beat() {
    defer { ended.signal() }
    let pause = max(.milliseconds(1), lease / 3)
    var failing: [Int] = []
    repeat {
      let started = ContinuousClock.now
      let failures = beatOnce(at: started)
      report(failures, after: failing)
      failing = failures.map(\.partition)
      if stopped.wait(until: started + pause) { return }
    } while true
  }

  /// Renews the leases in all partitions, each with the whole timeout: one that does not answer delays no other.
  /// - Returns: the partitions where that failed, by their numbers.
  private func beatOnce(at started: ContinuousClock.Instant) -> [(partition: Int, error: StoreError)] {
    // In this order: the runs of a settled claim are active, unless they have ended.
    let settled = settledClaims()
    let held = partitions.grouped(activeRuns.held)
    let ended = partitions.grouped(endedRuns.runs)
    let answers = HeartbeatAnswers()
    for (number, store) in partitions.all.enumerated() {
      store.heartbeat(
        worker: worker, runs: held[number], ended: ended[number], settledClaim: settled[number], lease: lease
      ) { answers.put($0, of: number) }
    }
    var failures: [(partition: Int, error: StoreError)] = []
    for _ in partitions.all {
      let (number, outcome) = answers.take()
      switch outcome {
      case .success(let answer): handle(answer, held[number], ended[number], asked: started)
      case .failure(let error): failures.append((number, error))
      }
    }
    return failures.sorted { $0.partition < $1.partition }
  }

  private func handle(
    _ answer: HeartbeatAnswer, _ held: [HeldRun], _ ended: [HeldRun], asked: ContinuousClock.Instant
  ) {
    let lost = Set(answer.lost)
    report(activeRuns.markLost(held.filter { lost.contains($0.id) }))
    let paused = Set(answer.paused)
    for run in held where paused.contains(run.id) { activeRuns.pause(run) }
    restore(endedRuns.settle(ended, asked: asked, unfinished: Set(answer.unfinished)))
    for id in answer.returned {
      logger.notice("the answer to its claim was lost; the run is back in its queue", metadata: ["job": "\(id)"])
    }
  }

  /// Says that leases cannot be renewed, once for the same partitions, and that they are again.
  private func report(_ failures: [(partition: Int, error: StoreError)], after failing: [Int]) {
    let numbers = failures.map(\.partition)
    guard numbers != failing else { return }
    guard let first = failures.first else { return logger.notice("leases are renewed again") }
    let place = numbers.count == partitions.count ? "" : " in \(Partitions.named(numbers))"
    logger.warning("leases cannot be renewed\(place): \(first.error)")
  }

  private func report(_ lost: [HeldRun]) {
    for run in lost {
      logger.warning(
        "the run was ended, or its lease was lost; nothing more of it is written", metadata: ["job": "\(run.id)"])
    }
  }
}

/// The answers to one heartbeat, from the threads that bring them to the heartbeat's.
private final class HeartbeatAnswers: Sendable {
  private typealias Answer = (number: Int, outcome: Result<HeartbeatAnswer, StoreError>)

  private let arrived = Mutex<[Answer]>([])
  private let count = DispatchSemaphore(value: 0)

  func put(_ outcome: Result<HeartbeatAnswer, StoreError>, of number: Int) {
    arrived.withLock { $0.append((number, outcome)) }
    count.signal()
  }

  /// Blocks until there is one: each call ends at its timeout.
  func take() -> (number: Int, outcome: Result<HeartbeatAnswer, StoreError>) {
    count.wait()
    return arrived.withLock { $0.removeFirst() }
  }
}

extension Partitions {
  /// Runs by the number of their partition.
  fileprivate func grouped(_ runs: [HeldRun]) -> [[HeldRun]] {
    if count == 1 { return [runs] }
    var groups = [[HeldRun]](repeating: [], count: count)
    for run in runs { groups[number(of: run.id)].append(run) }
    return groups
  }
}
