import Workflow
import WorkflowStore

/// What is known of a run while it is executed. It is in memory once, and not again in the frame of each function that
/// waits: a worker may hold thousands of runs.
final class Execution {
  private var state: ExecutionState
  private let entry: ActiveRuns.Entry?
  let writer: CheckpointWriter
  let spending: RunSpending
  /// The id of the request that submitted the run; nil where it is not known.
  let request: String?
  /// The trace of the run; nil where there is none.
  let trace: RunTrace?
  /// Gets the parts of steps that record some; nil before the first such step.
  var parts: PartMailbox?

  init(
    state: ExecutionState, writer: CheckpointWriter, entry: ActiveRuns.Entry?, spending: RunSpending,
    request: String?, trace: RunTrace?
  ) {
    self.state = state
    self.writer = writer
    self.entry = entry
    self.spending = spending
    self.request = request
    self.trace = trace
  }

  /// The next action.
  func next(after event: ExecutionState.Event?) -> ExecutionState.Action {
    state.next(after: event, stop: entry.map { $0.stop } ?? .lost)
  }

  /// Hands out the failures since the last call that no attempt had.
  func takeFailedStarts() -> [FailedStart] { state.takeFailedStarts() }

  /// Hands out the operations of the steps that have ended since the last call, and how they have.
  func countEnded(_ count: (_ op: String, _ outcome: WorkerMeter.StepOutcome) -> Void) { state.countEnded(count) }
}

extension RunSpending {
  /// What a run may spend.
  init(_ run: ClaimedRun, _ limits: RunBudget.Limits) {
    self.init(
      run: run.id.description, owner: run.owner, runBudget: run.definition.budget.run,
      dayBudget: run.definition.budget.day ?? limits.dayCost)
  }
}
