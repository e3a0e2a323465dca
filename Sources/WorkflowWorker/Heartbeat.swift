import Dispatch
import Glibc
import Logging
import Synchronization
import WorkflowStore

/// Renews the leases of all runs in hand, three times per lease, from a thread of its own and over a connection of its
/// own: no step, no full thread pool and no large document stands in its way.
final class Heartbeat: Sendable {
  private let store: RunStore
  private let hands: RunsInHand
  private let worker: String
  private let lease: Duration
  private let logger: Logger
  private let settledClaim: @Sendable () -> Int
  private let endedRuns: EndedRuns
  private let restore: @Sendable ([(run: HeldRun, records: [CheckpointBatch])]) -> Void
  private let stopped = StopSignal()
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - store: over a connection of the heartbeat's own, with a deadline of a third of the lease.
  ///   - settledClaim: the number of the newest claim whose runs are in hand, or whose answer was lost.
  ///   - ended: runs whose end Redis may still lose.
  ///   - restore: called with those whose end it has lost.
  init(
    store: RunStore, hands: RunsInHand, worker: String, lease: Duration, logger: Logger,
    settledClaim: @escaping @Sendable () -> Int = { 0 }, ended: EndedRuns = EndedRuns(),
    restore: @escaping @Sendable ([(run: HeldRun, records: [CheckpointBatch])]) -> Void = { _ in }
  ) {
    self.settledClaim = settledClaim
    endedRuns = ended
    self.restore = restore
    self.store = store
    self.hands = hands
    self.worker = worker
    self.lease = lease
    self.logger = logger
  }

  /// Starts the thread.
  func start() {
    let context = Unmanaged.passRetained(self).toOpaque()
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let heartbeat = Unmanaged<Heartbeat>.fromOpaque(context).takeRetainedValue()
        heartbeat.beat()
        return nil
      }, context)
    precondition(code == 0, "a worker must have a thread for its heartbeat: \(String(cString: strerror(code)))")
    pthread_detach(thread)
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
    var isAway = false
    repeat {
      let started = ContinuousClock.now
      // In this order: the runs of a settled claim are in hand, unless they have ended.
      let settled = settledClaim()
      let held = hands.held
      do {
        let answer = try store.heartbeat(
          worker: worker, runs: held, ended: endedRuns.runs, settledClaim: settled, lease: lease)
        if isAway { logger.notice("leases are renewed again") }
        isAway = false
        let lost = Set(answer.lost)
        report(hands.lose(held.filter { lost.contains($0.id) }))
        restore(endedRuns.settle(asked: started, unfinished: Set(answer.unfinished)))
        for id in answer.returned {
          logger.notice("the answer to its claim was lost; back in its queue", metadata: ["job": "\(id)"])
        }
      } catch {
        if !isAway { logger.warning("leases cannot be renewed: \(error)") }
        isAway = true
      }
      if stopped.wait(until: started + pause) { return }
    } while true
  }

  private func report(_ lost: [HeldRun]) {
    for run in lost {
      logger.warning("the lease was lost; nothing of the run is written any more", metadata: ["job": "\(run.id)"])
    }
  }
}
