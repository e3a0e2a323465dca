import Dispatch
import LinuxSupport
import Logging
import Synchronization
import WorkflowStore

/// Renews the leases of all active runs three times per lease, from a dedicated thread and over a dedicated connection,
/// so that no step, no busy thread pool and no large document can delay it. The partitions are asked one after another.
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
    var isFailing = false
    repeat {
      let started = ContinuousClock.now
      do {
        try beatOnce(at: started)
        if isFailing { logger.notice("leases are renewed again") }
        isFailing = false
      } catch {
        if !isFailing { logger.warning("leases cannot be renewed: \(error)") }
        isFailing = true
      }
      if stopped.wait(until: started + pause) { return }
    } while true
  }

  /// Renews the leases in all partitions. After an error that is an answer the other partitions are still asked.
  private func beatOnce(at started: ContinuousClock.Instant) throws(StoreError) {
    // In this order: the runs of a settled claim are active, unless they have ended.
    let settled = settledClaims()
    let held = partitions.grouped(activeRuns.held)
    let ended = partitions.grouped(endedRuns.runs)
    var failure: StoreError?
    for (number, store) in partitions.all.enumerated() {
      do {
        let answer = try store.heartbeat(
          worker: worker, runs: held[number], ended: ended[number], settledClaim: settled[number], lease: lease)
        let lost = Set(answer.lost)
        report(activeRuns.markLost(held[number].filter { lost.contains($0.id) }))
        let paused = Set(answer.paused)
        for run in held[number] where paused.contains(run.id) { activeRuns.pause(run) }
        restore(endedRuns.settle(ended[number], asked: started, unfinished: Set(answer.unfinished)))
        for id in answer.returned {
          logger.notice("the answer to its claim was lost; the run is back in its queue", metadata: ["job": "\(id)"])
        }
      } catch {
        guard error.isAnswer else { throw error }
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }

  private func report(_ lost: [HeldRun]) {
    for run in lost {
      logger.warning(
        "the run was ended, or its lease was lost; nothing more of it is written", metadata: ["job": "\(run.id)"])
    }
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
