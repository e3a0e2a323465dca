import Logging
import Synchronization
import WorkflowStore

/// Writes the batches of one claim in order, each until Redis has answered.
///
/// It keeps them until the claim ends, and has ``EndedRuns`` keep them a little longer. A Redis that comes back without
/// its newest writes (power loss under `everysec`, a failover) says which batch it knows last, and the writer sends the
/// later ones again: no step has to run a second time.
///
/// One batch is written at a time.
final class CheckpointWriter: Sendable {
  /// Sends a batch to Redis once.
  typealias Send = @Sendable (PendingBatch) async throws(StoreError) -> WriteOutcome

  /// The outcome of writing a batch.
  enum Answer: Sendable, Equatable {
    /// The batch is written.
    case recorded
    /// The claim does not hold the run any more; nothing was written.
    case lost(String)
    /// The batch cannot be written as it is; nothing was. `namespace`: the store that cannot be appended to; nil when
    /// something else prevents the write.
    case refused(String, namespace: String?)
  }

  private let send: Send
  let run: HeldRun
  private let activeRuns: ActiveRuns
  private let ended: EndedRuns?
  private let log: RunLog
  /// The batches of the claim so far; number `n`, counted from 1, is at `n - 1`.
  private let history: Mutex<[CheckpointBatch]>

  /// - Parameters:
  ///   - send: sends a batch to Redis once.
  ///   - ended: keeps the batches of the run when it has ended; nil for a run that costs little to execute again.
  ///   - history: the batches of the claim that were written before.
  init(
    _ run: HeldRun, activeRuns: ActiveRuns, ended: EndedRuns? = nil, history: [CheckpointBatch] = [], log: RunLog,
    send: @escaping Send
  ) {
    self.run = run
    self.activeRuns = activeRuns
    self.ended = ended
    self.history = Mutex(history)
    self.log = log
    self.send = send
  }

  /// Writes the last batch again, and before it the batches that Redis has lost.
  func rewrite() async -> Answer {
    guard let last = history.withLock({ $0.popLast() }) else { return .recorded }
    return await write(last)
  }

  /// Writes a batch, and before it the batches that Redis has lost.
  ///
  /// A refused batch is forgotten: the next one takes its number.
  func write(_ batch: CheckpointBatch) async -> Answer {
    let count = history.withLock { history in
      history.append(batch)
      return history.count
    }
    var sequence = count
    while true {
      switch await write(sequence) {
      case .recorded where sequence < count: sequence += 1
      case .recorded:
        finish(batch)
        return .recorded
      case .lost(let why): return .lost(why)
      case .behind(let known) where 0..<sequence ~= known:
        log.write(.warning, "Redis has lost batches of the run; writing \(known + 1) to \(count) again")
        sequence = known + 1
      case .behind(let known): return .lost("Redis names batch \(known) as its last, which is none of this claim")
      case .refused(let why, let namespace):
        history.withLock { _ = $0.removeLast() }
        return .refused(why, namespace: namespace)
      }
    }
  }

  /// Clears the run's quarantine when a step of it is recorded, and keeps the batches of a run that has ended.
  private func finish(_ batch: CheckpointBatch) {
    if batch.hasCheckpoint, batch.end == nil { activeRuns.clear(run) }
    // A single batch contains no answer of a call: the start of a call is written before the call is made.
    guard batch.end?.isFinal == true, let ended else { return }
    let history = history.withLock { $0 }
    if history.count > 1 { ended.keep(run, history) }
  }

  /// Sends a batch. Retries until Redis answers or the lease is lost, also while the worker stops: a run that is not
  /// handed back waits until its lease expires.
  private func write(_ sequence: Int) async -> WriteOutcome {
    let batch = PendingBatch(history.withLock { $0[sequence - 1] }, of: run, sequence: sequence)
    var delay = Duration.milliseconds(100)
    var logged: StoreError?
    while true {
      do {
        return try await send(batch)
      } catch {
        if logged?.isTransient != error.isTransient {
          log.write(error.isTransient ? .warning : .error, "a write waits for Redis: \(error)")
        }
        logged = error
      }
      if activeRuns.stop(of: run) == .lost { return .lost("the lease was lost while Redis was unreachable") }
      await Task.uncancelledSleep(for: delay)
      delay = min(delay * 2, .seconds(1))
    }
  }
}

extension Task where Success == Never, Failure == Never {
  /// Sleeps for the whole time even if the current task is cancelled: another task sleeps in its place.
  static func uncancelledSleep(for duration: Duration) async {
    await Task<Void, Never>.detached { try? await Task.sleep(for: duration) }.value
  }
}
