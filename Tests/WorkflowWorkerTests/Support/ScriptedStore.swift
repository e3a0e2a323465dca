import Logging
import Synchronization
import WorkflowStore

@testable import WorkflowWorker

/// Takes the batches of a writer in place of Redis, and answers as a test says.
final class ScriptedStore: Sendable {
  typealias Outcome = Result<WriteOutcome, StoreError>

  private struct State {
    var outcomes: [Outcome]
    var sent: [String] = []
  }

  private let state: Mutex<State>

  /// - Parameter outcomes: the answers, in order; every later batch is recorded.
  init(_ outcomes: [Outcome] = []) { state = Mutex(State(outcomes: outcomes)) }

  /// What was sent: the number of each batch and its summary.
  var sent: [String] { state.withLock { $0.sent } }

  @Sendable func send(_ batch: PendingBatch) async throws(StoreError) -> WriteOutcome {
    try state.withLock { state in
      state.sent.append("\(batch.sequence): \(batch.batch.summary)")
      return state.outcomes.isEmpty ? Outcome.success(.recorded) : state.outcomes.removeFirst()
    }.get()
  }
}

extension Logger {
  /// Logs nothing.
  static let silent = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
}
