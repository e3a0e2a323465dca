import Logging
import WorkflowStore

/// Writes the records of one claim, in order, each until Redis has answered.
///
/// It keeps them until the claim ends, and has them kept for a while after that. A Redis that comes back without its newest writes (power loss under `everysec`, a
/// failover) says how far behind it is, and gets the missing ones again: no step need be run a second time for that.
actor CheckpointWriter {
  private let records: GroupCommit
  private let run: HeldRun
  private let hands: RunsInHand
  private let ended: EndedRuns?
  private let logger: Logger
  /// The records of the claim so far; number `n`, counted from 1, is at `n - 1`.
  private var history: [CheckpointBatch]

  /// - Parameters:
  ///   - ended: keeps the records of the run when it has ended; nil for a run that is written again at little cost.
  ///   - history: the records of the claim that were written before.
  init(
    _ records: GroupCommit, run: HeldRun, hands: RunsInHand, ended: EndedRuns? = nil, history: [CheckpointBatch] = [],
    logger: Logger
  ) {
    self.records = records
    self.run = run
    self.hands = hands
    self.ended = ended
    self.history = history
    self.logger = logger
  }

  /// Writes the last record again, and before it those that Redis has lost.
  func rewrite() async -> WriteOutcome {
    guard let last = history.popLast() else { return .recorded }
    return await write(last)
  }

  /// Writes a record, and before it those that Redis has lost.
  ///
  /// A refused record is forgotten: the next one takes its number.
  func write(_ record: CheckpointBatch) async -> WriteOutcome {
    history.append(record)
    var sequence = history.count
    while true {
      let answer = await send(sequence)
      switch answer {
      case .recorded where sequence < history.count: sequence += 1
      case .recorded:
        // One record alone holds no answer of a call: calls are recorded before they are made.
        if record.end?.isFinal == true, history.count > 1 { ended?.keep(run, history) }
        return answer
      case .lost: return answer
      case .behind(let known):
        logger.warning("Redis has lost records of the run; writing \(known + 1) to \(history.count) again")
        sequence = known + 1
      case .refused:
        history.removeLast()
        return answer
      }
    }
  }

  /// Sends a record. Retries until Redis answers or the lease is lost, also while the worker stops: a run that is not handed
  /// back waits until its lease expires.
  private func send(_ sequence: Int) async -> WriteOutcome {
    let record = PendingBatch(history[sequence - 1], of: run, sequence: sequence)
    var pause = Duration.milliseconds(100)
    var said: StoreError?
    while true {
      do {
        return try await records.write(record)
      } catch {
        if said?.isTransient != error.isTransient {
          logger.log(level: error.isTransient ? .warning : .error, "a record waits for Redis: \(error)")
        }
        said = error
      }
      if hands.stop(of: run) == .lost { return .lost("the lease was lost while Redis was away") }
      // A task that was cancelled cannot sleep, but another one can on its behalf.
      await Task.detached { [pause] in try? await Task.sleep(for: pause) }.value
      pause = min(pause * 2, .seconds(1))
    }
  }
}
