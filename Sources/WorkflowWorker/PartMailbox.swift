import ExactJSON
import Synchronization
import Workflow
import WorkflowOperations

/// A part of a step that its operation wants to have recorded.
struct PartRecord: Sendable {
  let unit: ExecutionState.Unit
  let number: Int
  /// How many parts there are, as far as is known.
  let total: Int
  let outputs: JSONObject
  /// Called when the part is recorded, or with why it cannot be.
  let answer: @Sendable (StepError?) -> Void
}

/// Hands the parts that the operations of a run record to the run's executor, which waits for one at a time.
final class PartMailbox: Sendable {
  private let stream = AsyncStream.makeStream(of: PartRecord.self)

  /// The next part; nil in a cancelled task.
  func next() async -> PartRecord? {
    for await record in stream.stream { return record }
    return nil
  }

  /// Has a part recorded, and returns when it is; `cancelled` when the task is cancelled before.
  func record(
    _ unit: ExecutionState.Unit, _ number: Int, _ total: Int, _ outputs: JSONObject
  ) async -> StepError? {
    let answer = Answer()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        answer.wait(continuation)
        stream.continuation.yield(
          PartRecord(unit: unit, number: number, total: total, outputs: outputs) { answer.give($0) })
      }
    } onCancel: {
      answer.give(.cancelled)
    }
  }

  /// The first answer counts.
  private final class Answer: Sendable {
    private let state = Mutex<(continuation: CheckedContinuation<StepError?, Never>?, given: StepError??)>((nil, nil))

    func wait(_ continuation: CheckedContinuation<StepError?, Never>) {
      let given = state.withLock { state -> StepError?? in
        if state.given == nil { state.continuation = continuation }
        return state.given
      }
      if let given { continuation.resume(returning: given) }
    }

    func give(_ error: StepError?) {
      let continuation = state.withLock { state -> CheckedContinuation<StepError?, Never>? in
        guard state.given == nil else { return nil }
        state.given = .some(error)
        defer { state.continuation = nil }
        return state.continuation
      }
      continuation?.resume(returning: error)
    }
  }
}
