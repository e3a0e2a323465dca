import Workflow
import WorkflowStore

extension CheckpointBatch {
  /// Adds the beginning of a step that may take the worker down with it.
  mutating func begin(_ message: ProgressMessage) {
    log(message)
    hasStepInFlight = true
  }
}
