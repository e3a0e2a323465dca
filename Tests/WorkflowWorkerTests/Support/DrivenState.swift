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
  private let clock = RedisClock()

  init(
    _ steps: [StepDefinition], inputs: JSONObject = [:], isSuspect: Bool = false, recorded: [String: JSONObject] = [:],
    ended: [String: String] = [:], items: [String: JSONValue] = [:], attempts: [String: StepAttempts] = [:],
    failsFast: Bool = true,
    runBytes: Int = 32 << 20
  ) throws {
    run = try ClaimedRun.make(
      steps, inputs: inputs, isSuspect: isSuspect, recorded: recorded, ended: ended, items: items, attempts: attempts,
      failsFast: failsFast)
    state = ExecutionState(
      run, registry: OperationRegistry([Scripted("now", isImmediate: true), Scripted("call")]),
      limits: .init(outputBytes: runBytes, runBytes: runBytes, progressEntryBytes: 64 << 10), clock: clock)
  }

  /// The action after nothing has ended.
  mutating func next() -> String { show(state.next(after: nil, stop: stop)) }

  /// The action after the batch in flight was answered.
  mutating func written(_ answer: CheckpointWriter.Answer = .recorded) -> String {
    show(state.next(after: .written(answer), stop: stop))
  }

  /// The action after a step returned outputs.
  mutating func done(_ step: String, _ outputs: JSONObject = [:]) -> String {
    ended(step, .succeeded(.outputs(outputs)))
  }

  /// The action after a step returned a value to be stored.
  mutating func stored(_ step: String, in namespace: String) -> String {
    ended(step, .succeeded(.stored(namespace: namespace, data: "value")))
  }

  /// The action after a step failed.
  mutating func failed(_ step: String) -> String { ended(step, .failed(StepFailure(.operationFailed, "no"))) }

  /// The action after an attempt of a step failed that is repeated after a wait.
  mutating func repeats(_ step: String, after wait: Duration, failed: Int = 1) throws -> String {
    ended(step, .repeats(try .make(failed: failed, due: Timestamp(microseconds: 0) + now + wait)))
  }

  /// The action after an attempt of a step failed that continues with another model.
  mutating func goesOn(_ step: String, with model: String) throws -> String {
    let failure = StepFailure(.providerRejected, "no")
    let unit = StepUnit(name: step)
    let attempts = StepAttempts(goingOnWith: model, after: nil, failure, now: clock.now)
    guard let attempts else { throw StoreError.damaged(step) }
    let note = ProgressMessage.nextModel(step: unit.step, item: unit.item, .init(to: model, from: "first", failure))
    return ended(step, .repeats(attempts, note: note))
  }

  /// The action once the time of a waiting step may have come.
  mutating func due() -> String { show(state.next(after: .due, stop: stop)) }

  /// The action after an event.
  mutating func action(after event: ExecutionState.Event) -> ExecutionState.Action {
    state.next(after: event, stop: stop)
  }

  /// How long after 1970 the state's clock is.
  private var now: Duration { clock.now - Timestamp(microseconds: 0) }

  /// The ends without outputs that are written after a step failed.
  mutating func ends(after step: String) -> [String] {
    let position = run.graph.ids.firstIndex(of: step) ?? -1
    let failure = StepFailure(.operationFailed, "no")
    guard case .write(let batch) = state.next(after: .ended(.init(position: position), .failed(failure)), stop: stop)
    else { return [] }
    return batch.items.compactMap { item in
      if case .ended(let step, let end) = item { "\(step) \(end.text)" } else { nil }
    }
  }

  /// The action after a step said that it was cancelled.
  mutating func cancelled(_ step: String) -> String { ended(step, .cancelled) }

  private mutating func ended(_ step: String, _ end: ExecutionState.AttemptEnd) -> String {
    let unit = StepUnit(name: step)
    let position = run.graph.ids.firstIndex(of: unit.step) ?? -1
    return show(state.next(after: .ended(.init(position: position, item: unit.item), end), stop: stop))
  }

  private func show(_ action: ExecutionState.Action) -> String {
    switch action {
    case .run(let step): "run \(step.name)"
    case .start(let steps): "start \(steps.map(\.name).joined(separator: " "))"
    case .write(let batch): "write \(batch.summary)"
    case .wait(nil): "wait"
    case .wait: "wait for a step"
    case .leave(.finished): "leave finished"
    case .leave(.failed(let failure)): "leave failed: \(failure.message)"
    case .leave(.parked): "leave parked"
    case .leave(.handedBack(let answer)): "leave handed back: \(answer)"
    case .leave(.lost(let why)): "leave lost: \(why)"
    case .leave(.refused(let why, let answer)): "leave refused: \(why): \(answer)"
    }
  }
}

extension StepAttempts {
  /// Failed attempts of which the last was refused by the service.
  static func make(
    failed: Int = 1, due: Timestamp, wait: Duration = .seconds(86_400)
  ) throws -> StepAttempts {
    let text =
      #"{"failed":\#(failed),"counted":0,"timeouts":0,"fresh":false,"since":0,"wait":\#(Int(wait / .microseconds(1))),"due":\#(due.microseconds),"#
      + #""error_code":"rate_limited","error":"later"}"#
    guard let attempts = StepAttempts(json: try JSONValue(parsing: text)) else { throw StoreError.damaged(text) }
    return attempts
  }
}

extension ExecutionState.PendingStep {
  /// The step's id, of an item with its position behind it.
  fileprivate var name: String { StepUnit(invocation.step, item: invocation.item).name }
}
