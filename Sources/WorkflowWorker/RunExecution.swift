import ExactJSON
import Workflow
import WorkflowOperations
import WorkflowStore

/// What a run in hand has come to: which steps are done, what they returned, and what is still to be recorded.
///
/// Pure: it decides, the ``Executor`` performs.
struct RunExecution {
  /// The limits on what steps may return.
  struct Limits {
    var outputBytes: Int
    var runBytes: Int
    var progressEntryBytes: Int
  }

  /// As deep as a submitted body may be; what wf wraps around it stays readable.
  private static let maxDepth = 128

  let run: ClaimedRun
  private let limits: Limits
  private var plan: Plan
  private var scope: ReferenceScope
  private var record: RunRecord
  private var done: [String]
  private var stores: [(namespace: String, steps: [String])] = []
  private var storedCount = 0
  private var bytes: Int
  /// The steps under way that may take the worker down with them.
  private var underWay = Set<Int>()
  private(set) var failure: StepFailure?

  init(_ run: ClaimedRun, limits: Limits, clock: RedisClock) {
    self.run = run
    record = RunRecord(beginning: run, clock: clock)
    self.limits = limits
    plan = Plan(run.graph, recorded: Set(run.recorded.keys))
    scope = ReferenceScope(inputs: run.definition.inputs, outputs: run.recorded)
    done =
      run.recorded.isEmpty
      ? [] : (run.graph.topologicalOrder ?? []).map { run.graph.ids[$0] }.filter { run.recorded[$0] != nil }
    bytes = run.documentBytes
    for value in run.stored { noteStored(value.namespace, by: value.step) }
  }

  /// The next step that may start, now counted as under way.
  mutating func takeReady() -> Int? { plan.takeReady() }

  /// A step by its position.
  func step(_ position: Int) -> StepDefinition { run.definition.steps[position] }

  /// Notes that a step begins.
  /// - Parameter mayCrash: the beginning must be in Redis before the step may run.
  mutating func begin(_ position: Int, mayCrash: Bool) {
    let step = step(position)
    record.log(.stepStart(step: step.id, op: step.op))
    if mayCrash { underWay.insert(position) }
  }

  /// What a step's operation is given.
  func invocation(_ position: Int, schema: ParameterSchema) throws(StepFailure) -> Invocation {
    let step = step(position)
    let params = try scope.resolve(step.params)
    try schema.check(resolved: params)
    return Invocation(job: run.id.description, step: step.id, params: params, inputs: scope.inputs)
  }

  /// Notes how a step ended.
  mutating func end(_ position: Int, _ outcome: StepOutcome) {
    let step = step(position).id
    underWay.remove(position)
    switch outcome {
    case .succeeded(.outputs(let outputs, let notes)):
      for note in notes { record.log(note) }
      succeed(position, step, outputs)
    case .succeeded(.stored(let namespace, let data)):
      store(position, step, namespace, data)
    case .failed(let failure):
      fail(position, step, failure)
    case .cancelled:
      break
    }
  }

  private mutating func succeed(_ position: Int, _ step: String, _ outputs: JSONObject) {
    let value = JSONValue.object(outputs)
    let text = value.bytes
    if let failure = admit(value, text.count) { return fail(position, step, failure) }
    record.checkpoint(step: step, outputs: text, inLog: text.count <= limits.progressEntryBytes)
    scope.add(outputs, of: step)
    done.append(step)
    plan.succeed(position)
  }

  private mutating func store(_ position: Int, _ step: String, _ namespace: String, _ data: JSONValue) {
    let value = data.bytes
    if let failure = admit(data, value.count) { return fail(position, step, failure) }
    record.store(step: step, order: storedCount, namespace: namespace, value: value)
    let items = noteStored(namespace, by: step)
    succeed(
      position, step,
      JSONObject([("stored_under", .string(namespace)), ("items", .number(JSONNumber(items)))]))
  }

  private mutating func fail(_ position: Int, _ step: String, _ failure: StepFailure) {
    plan.fail(position)
    logFailure(step, failure)
  }

  private mutating func logFailure(_ step: String, _ failure: StepFailure) {
    record.log(.stepFailed(step: step, failure))
    self.failure = self.failure ?? StepFailure(failure.code, "step \(step): \(failure.message)")
  }

  /// Takes back what a store has refused: the steps that stored there have failed, and what came of them is undone. All
  /// else that the refused record held is written with the next one.
  /// - Parameters:
  ///   - refused: the record, of which nothing was written.
  ///   - notBegun: steps whose beginning waited for a record; nothing begins any more.
  mutating func refuse(_ refused: RunRecord, store namespace: String, _ why: String, notBegun: [Int]) {
    let failed = (refused.items + record.items).compactMap { item -> Int? in
      guard case .stored(let step, _, let name, _) = item, name.utf8.elementsEqual(namespace.utf8) else { return nil }
      return plan.graph.ids.firstIndex(of: step)
    }
    let undone = plan.graph.allDependents(of: failed).union(notBegun)
    let failedSteps = Set(failed.map { step($0).id })
    let undoneSteps = Set(undone.map { step($0).id })
    record = record.joined(to: refused) { item in
      switch item {
      case .entry(.finished, _), .entry(.failed, _): return false
      case .entry(.stepStart(let step, _), _): return !undoneSteps.contains(step)
      default: return item.step.map { !undoneSteps.contains($0) && !failedSteps.contains($0) } ?? true
      }
    }
    for position in notBegun {
      underWay.remove(position)
      plan.cancel(position)
    }
    for position in failed {
      plan.revoke(position)
      logFailure(step(position).id, StepFailure(.operationFailed, why))
    }
  }

  private mutating func admit(_ value: JSONValue, _ count: Int) -> StepFailure? {
    if value.isNested(deeperThan: RunExecution.maxDepth) {
      return StepFailure(.outputTooLarge, "the outputs are nested more than \(RunExecution.maxDepth) levels deep")
    }
    if count > limits.outputBytes {
      return StepFailure(
        .outputTooLarge, "the outputs take \(count) bytes, \(limits.outputBytes) are allowed (WF_MAX_OUTPUT_BYTES)")
    }
    bytes += count
    guard bytes > limits.runBytes else { return nil }
    return StepFailure(
      .outputTooLarge, "the run's documents take \(bytes) bytes, \(limits.runBytes) are allowed (WF_MAX_RUN_BYTES)")
  }

  @discardableResult
  private mutating func noteStored(_ namespace: String, by step: String) -> Int {
    storedCount += 1
    if let index = stores.firstIndex(where: { $0.namespace.utf8.elementsEqual(namespace.utf8) }) {
      stores[index].steps.append(step)
      return stores[index].steps.count
    }
    stores.append((namespace, [step]))
    return 1
  }

  /// What is to be written now, with the run's end if it has come to it; nil when there is nothing.
  mutating func takeRecord() -> RunRecord? {
    if plan.isOver { close() }
    guard !record.isEmpty else { return nil }
    record.hasStepUnderWay = !underWay.isEmpty
    defer { record = record.next }
    return record
  }

  /// What is to be written when the run goes back to its queue.
  mutating func takeHandBack(asSuspect: Bool) -> RunRecord {
    defer { record = record.next }
    record.end = .handedBack(asSuspect: asSuspect)
    return record
  }

  /// What is to be written when nothing else of the run can be.
  mutating func takeEnd(_ code: ErrorCode, _ why: String) -> RunRecord {
    let failure = StepFailure(code, why)
    record = record.next
    record.log(.failed(failure))
    record.end = .failed(failure)
    return record
  }

  private mutating func close() {
    if let failure {
      record.log(.failed(failure))
      record.end = .failed(failure)
    } else {
      record.log(.finished)
      record.end = .finished(
        RunResult(runName: run.definition.runName, inputs: run.shortInputs, done: done, stores: stores))
    }
  }
}

extension JSONValue {
  /// Whether arrays and objects are nested deeper than a number of levels.
  fileprivate func isNested(deeperThan levels: Int) -> Bool {
    switch self {
    case .null, .bool, .number, .string: false
    case .array(let elements): levels == 0 || elements.contains { $0.isNested(deeperThan: levels - 1) }
    case .object(let object): levels == 0 || object.members.contains { $0.value.isNested(deeperThan: levels - 1) }
    }
  }
}
