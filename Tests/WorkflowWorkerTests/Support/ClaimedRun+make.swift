import ExactJSON
import Workflow

@testable import WorkflowStore

extension ClaimedRun {
  /// A run as a claim returns it, without a Redis.
  /// - Parameters:
  ///   - recorded: the outputs of the steps that are recorded, by id.
  ///   - ended: how steps have ended that are recorded without outputs, as JSON text, by id.
  static func make(
    _ steps: [StepDefinition], inputs: JSONObject = [:], isSuspect: Bool = false, recorded: [String: JSONObject] = [:],
    ended: [String: String] = [:], items: [String: JSONValue] = [:], attempts: [String: StepAttempts] = [:],
    failsFast: Bool = true
  ) throws -> ClaimedRun {
    let list = JSONValue.array(steps.map(\.json))
    let steps = failsFast ? list.bytes : (["fail_fast": false, "steps": list] as JSONValue).bytes
    let inputs = JSONValue.object(inputs).bytes
    let digits = String(steps.count)
    let head = String(repeating: "0", count: 8 - digits.count) + digits
    let facts =
      "\(JobID()) 1-w \(isSuspect ? 1 : 0) \(recorded.isEmpty && ended.isEmpty && attempts.isEmpty && items.isEmpty ? 1 : 0) 0 41 0.000001 - 00000000"
    let text = Array(head.utf8) + steps + inputs
    guard let head = RunHead(Array("\(facts) \(text.count) request".utf8), name: "run", position: 0) else {
      throw StoreError.damaged(facts)
    }
    let outputs =
      recorded.map { ("out:" + $0, JSONValue.object($1).bytes) } + ended.map { ("end:" + $0, Array($1.utf8)) }
      + items.map { ("item:" + $0, $1.bytes) } + attempts.map { ("try:" + $0, $1.json.bytes) }
    return try ClaimedRun(
      head, submitted: text, outputs: Dictionary(outputs, uniquingKeysWith: { $1 }), cache: TextCache())
  }

  /// The run as the worker holds it.
  var held: HeldRun { HeldRun(id: id, token: token) }
}

extension StepDefinition {
  /// A step, by default without parameters.
  static func step(
    _ id: String, _ op: String, needs: [Need] = [], _ params: JSONObject = [:], isOptional: Bool = false,
    when condition: JSONValue? = nil, foreach: Foreach? = nil
  ) -> StepDefinition {
    var options = Options()
    options.isOptional = isOptional
    options.condition = condition
    options.foreach = foreach
    return StepDefinition(id: id, op: op, needs: needs, params: params, options: options)
  }
}

extension CheckpointBatch {
  /// The contents in one line: items with their steps, then `*` if a step is in flight, then the end.
  var summary: String {
    let items = items.compactMap { item -> String? in
      switch item {
      case .ended, .attempted: nil
      case .item(let unit, _): "item \(unit.name)"
      case .entry(.stepProgress(let step, let done, _, let total), _): "progress \(step) \(done)/\(total)"
      case .entry(.started, _): "started"
      case .entry(.resumed, _): "resumed"
      case .entry(.stepStart(let step, _), _): "start \(step)"
      case .entry(.stepRetry(let step, let item, _), _): "retry \(StepUnit(step, item: item).name)"
      case .entry(.stepSkipped(let step), _): "skip \(step)"
      case .entry(.stepFailed(let step, _), _): "fail \(step)"
      case .entry(.modelFallback(let step, _, _), _): "fallback \(step)"
      case .entry(.nextModel(let step, let item, let change), _):
        "\(StepUnit(step, item: item).name) by \(change.model)"
      case .entry(.finished, _): "finish"
      case .entry(.failed, _): "fail"
      case .entry(.stepDone(let step, _), _), .checkpoint(let step, _, _, _): "done \(step)"
      case .stored(let unit, _, let namespace, _): "store \(unit.name) in \(namespace)"
      }
    }
    let end =
      switch end {
      case nil: ""
      case .finished: " | finished"
      case .failed(let failure): " | failed: \(failure.message)"
      case .parked: " | parked"
      case .handedBack(let isQuarantined): isQuarantined ? " | handed back to quarantine" : " | handed back"
      }
    return items.joined(separator: ", ") + (hasStepInFlight ? " *" : "") + end
  }
}

extension Claim {
  /// A claim that brings one run of one step.
  static func make(isSuspect: Bool = false, hasLeftRuns: Bool = false, isElected: Bool = false) throws -> Claim {
    var claim = Claim()
    claim.runs = [try ClaimedRun.make([.step("a", "now")], isSuspect: isSuspect)]
    claim.hasLeftRuns = hasLeftRuns
    claim.isElected = isElected
    return claim
  }
}
