import Workflow
import WorkflowOperations

/// How one attempt of a step ended.
enum StepOutcome: Sendable {
  /// It returned something.
  case succeeded(OperationResult)
  /// It failed for good.
  case failed(StepFailure)
  /// It was broken off, because the run is to be handed back or is lost; it runs again elsewhere.
  case cancelled
}
