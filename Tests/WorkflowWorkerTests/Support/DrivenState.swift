import ExactJSON
import Workflow
import WorkflowOperations

@testable import WorkflowStore
@testable import WorkflowWorker

/// An execution state that a test drives by hand; actions are shown in one line.
///
/// Steps have the operations `now`, which is immediate, and `call`, which is not.
struct DrivenState {
  let run: ClaimedRun
  /// Why the run must stop, if it must.
  var stop: ActiveRuns.Stop?
  private var state: ExecutionState

  init(
    _ steps: [StepDefinition], inputs: JSONObject = [:], isSuspect: Bool = false, recorded: [String: JSONObject] = [:],
    ended: [String: String] = [:], failsFast: Bool = true, runBytes: Int = 32 << 20
  ) throws {
    run = try ClaimedRun.make(
      steps, inputs: inputs, isSuspect: isSuspect, recorded: recorded, ended: ended, failsFast: failsFast)
    state = ExecutionState(
      run, registry: OperationRegistry([Scripted("now", isImmediate: true), Scripted("call")]),
      limits: .init(outputBytes: runBytes, runBytes: runBytes, progressEntryBytes: 64 << 10), clock: RedisClock())
  }

  /// The action after nothing has ended.
  mutating func next() -> String { show(state.next(after: nil, stop: stop)) }

  /// The action after the batch in flight was answered.
  mutating func written(_ answer: CheckpointWriter.Answer = .recorded) -> String {
    show(state.next(after: .written(answer), stop: stop))
  }

  /// The action after a step returned outputs.
  mutating func done(_ step: String, _ outputs: JSONObject = [:]) -> String { ended(step, .success(.outputs(outputs))) }

  /// The action after a step returned a value to be stored.
  mutating func stored(_ step: String, in namespace: String) -> String {
    ended(step, .success(.stored(namespace: namespace, data: "value")))
  }

  /// The action after a step failed.
  mutating func failed(_ step: String) -> String { ended(step, .failure(.failed(StepFailure(.operationFailed, "no")))) }

  /// The ends without outputs that are written after a step failed.
  mutating func ends(after step: String) -> [String] {
    let position = run.graph.ids.firstIndex(of: step) ?? -1
    let failure = StepError.failed(StepFailure(.operationFailed, "no"))
    guard case .write(let batch) = state.next(after: .ended(position, .failure(failure)), stop: stop) else { return [] }
    return batch.items.compactMap { item in
      if case .ended(let step, let end) = item { "\(step) \(end.text)" } else { nil }
    }
  }

  /// The action after a step said that it was cancelled.
  mutating func cancelled(_ step: String) -> String { ended(step, .failure(.cancelled)) }

  private mutating func ended(_ step: String, _ result: Result<OperationResult, StepError>) -> String {
    let position = run.graph.ids.firstIndex(of: step) ?? -1
    return show(state.next(after: .ended(position, result), stop: stop))
  }

  private func show(_ action: ExecutionState.Action) -> String {
    switch action {
    case .run(let step): "run \(step.invocation.step)"
    case .start(let steps): "start \(steps.map(\.invocation.step).joined(separator: " "))"
    case .write(let batch): "write \(batch.summary)"
    case .wait: "wait"
    case .leave(.finished): "leave finished"
    case .leave(.failed(let failure)): "leave failed: \(failure.message)"
    case .leave(.handedBack(let answer)): "leave handed back: \(answer)"
    case .leave(.lost(let why)): "leave lost: \(why)"
    case .leave(.refused(let why, let answer)): "leave refused: \(why): \(answer)"
    }
  }
}
