import Workflow
import WorkflowStore

extension RunRecord {
  /// Adds the beginning of a step that may take the worker down with it.
  mutating func begin(_ message: ProgressMessage) {
    log(message)
    hasStepUnderWay = true
  }
}
