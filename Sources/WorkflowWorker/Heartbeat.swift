import Dispatch
import LinuxSupport
import Logging
import Synchronization
import WorkflowStore

/// Renews the leases of all active runs three times per lease, from a dedicated thread and over a dedicated connection,
/// so that no step, no busy thread pool and no large document can delay it.
final class Heartbeat: Sendable {
  private let store: RunStore
  private let activeRuns: ActiveRuns
  private let worker: String
  private let lease: Duration
  private let logger: Logger
  private let settledClaim: @Sendable () -> Int
  private let endedRuns: EndedRuns
  private let restore: @Sendable ([(run: HeldRun, batches: [CheckpointBatch])]) -> Void
  private let stopped = StopSignal()
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - store: the store over the dedicated connection, with a timeout of a third of the lease.
  ///   - settledClaim: the number of the newest claim whose runs are active, or whose answer was lost.
  ///   - ended: runs whose end Redis may still lose.
  ///   - restore: called with the runs whose end Redis has lost.
  init(
    store: RunStore, activeRuns: ActiveRuns, worker: String, lease: Duration, logger: Logger,
    settledClaim: @escaping @Sendable () -> Int = { 0 }, ended: EndedRuns = EndedRuns(),
    restore: @escaping @Sendable ([(run: HeldRun, batches: [CheckpointBatch])]) -> Void = { _ in }
  ) {
    self.settledClaim = settledClaim
    endedRuns = ended
    self.restore = restore
    self.store = store
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
      // In this order: the runs of a settled claim are active, unless they have ended.
      let settled = settledClaim()
      let held = activeRuns.held
      do {
        let answer = try store.heartbeat(
          worker: worker, runs: held, ended: endedRuns.runs, settledClaim: settled, lease: lease)
        if isFailing { logger.notice("leases are renewed again") }
        isFailing = false
        let lost = Set(answer.lost)
        report(activeRuns.markLost(held.filter { lost.contains($0.id) }))
        restore(endedRuns.settle(asked: started, unfinished: Set(answer.unfinished)))
        for id in answer.returned {
          logger.notice("the answer to its claim was lost; the run is back in its queue", metadata: ["job": "\(id)"])
        }
      } catch {
        if !isFailing { logger.warning("leases cannot be renewed: \(error)") }
        isFailing = true
      }
      if stopped.wait(until: started + pause) { return }
    } while true
  }

  private func report(_ lost: [HeldRun]) {
    for run in lost {
      logger.warning("the lease was lost; nothing more of the run is written", metadata: ["job": "\(run.id)"])
    }
  }
}
