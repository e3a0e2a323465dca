import ExactJSON
import Workflow
import WorkflowOperations
import WorkflowStore

/// The state of a claimed run: which steps are done, what they returned, and what is still to be recorded.
///
/// Pure: it decides, the ``Executor`` performs.
struct RunExecution {
  /// As deep as a submitted body may be; what wf wraps around it stays readable.
  private static let maxDepth = 128

  let run: ClaimedRun
  private var plan: Plan
  private var scope: ReferenceScope
  private var budget: RunBudget
  private var record: CheckpointBatch
  private var done: [String]
  private var stores: [(namespace: String, steps: [String])] = []
  /// The place of each namespace in `stores`.
  private var storePositions: [ExactKey: Int] = [:]
  private var storedCount = 0
  /// The steps in progress that may take the worker down with them, each with the bytes of its parameters.
  private var inProgress: [Int: Int] = [:]
  /// Steps that have succeeded, and whose dependents start only once their outputs are recorded: those of `record`.
  private var unrecorded: [Int] = []
  /// The same of the record that is being written.
  private var beingRecorded: [Int] = []
  private(set) var failure: StepFailure?

  init(_ run: ClaimedRun, limits: RunBudget.Limits, clock: RedisClock) {
    self.run = run
    record = CheckpointBatch(beginning: run, clock: clock)
    budget = RunBudget(run, limits: limits)
    plan = Plan(run.graph, recorded: Set(run.recorded.keys))
    scope = ReferenceScope(inputs: run.definition.inputs, outputs: run.recorded)
    done =
      run.recorded.isEmpty
      ? [] : (run.graph.topologicalOrder ?? []).map { run.graph.ids[$0] }.filter { run.recorded[$0] != nil }
    for value in run.stored { noteStored(value.namespace, by: value.step) }
  }

  /// The next step that may start, now counted as in progress.
  mutating func takeReady() -> Int? { plan.takeReady() }

  /// Returns the step that was taken last; it starts later.
  mutating func putBack() { plan.putBack() }

  /// A step by its position.
  func step(_ position: Int) -> StepDefinition { run.definition.steps[position] }

  /// Notes that a step starts.
  /// - Parameter parameterBytes: of a step whose start must be in Redis before it may run, because it may take the worker
  ///   down: bytes of its parameters; nil of any other.
  mutating func begin(_ position: Int, parameterBytes: Int?) {
    let step = step(position)
    record.log(.stepStart(step: step.id, op: step.op))
    inProgress[position] = parameterBytes
  }

  /// Whether parameters of so many bytes fit beside those of the steps in progress.
  func hasRoom(forParameters bytes: Int) -> Bool {
    inProgress.isEmpty || inProgress.values.reduce(bytes, +) <= budget.limits.runBytes
  }

  /// What a step's operation is given, and the bytes of its parameters.
  func invocation(
    _ position: Int, schema: ParameterSchema
  ) throws(StepFailure) -> (invocation: Invocation, bytes: Int) {
    let step = step(position)
    let (params, bytes) = try scope.resolve(step.params, within: budget.limits.step)
    try schema.check(resolved: params)
    return (Invocation(job: run.id.description, step: step.id, params: params, inputs: scope.inputs), bytes)
  }

  /// Notes how a step ended.
  mutating func end(_ position: Int, _ outcome: StepOutcome) {
    let isImmediate = inProgress.removeValue(forKey: position) == nil
    switch outcome {
    case .succeeded(.outputs(let outputs, let notes)):
      if succeed(position, outputs, notes) { release(position, isImmediate) }
    case .succeeded(.stored(let namespace, let data)):
      if store(position, namespace, data) { release(position, isImmediate) }
    case .failed(let failure):
      fail(position, failure)
    case .cancelled:
      break
    }
  }

  /// Lets the dependents of a step start: at once where an immediate operation can be run again at no cost; else when its
  /// outputs are recorded, so that nothing that comes after a paid call can lose its answer.
  private mutating func release(_ position: Int, _ isImmediate: Bool) {
    if isImmediate || plan.graph.dependents[position].isEmpty {
      plan.succeed(position)
    } else {
      unrecorded.append(position)
    }
  }

  /// - Returns: whether the outputs are admitted; if not, the step has failed.
  private mutating func succeed(_ position: Int, _ outputs: JSONObject, _ notes: [ProgressMessage] = []) -> Bool {
    let value = JSONValue.object(outputs)
    let noted = notes.reduce(0) { $0 + $1.byteCount }
    do {
      let longest = budget.limits.progressEntryBytes
      let count = try admit(value, repeatedUpTo: longest, noted: noted)
      for note in notes { record.log(note) }
      let step = step(position)
      record.checkpoint(step: step.id, outputs: value.bytes, inLog: count <= longest)
      budget.end(step, recorded: true)
      scope.add(outputs, of: step.id)
      done.append(step.id)
      return true
    } catch {
      fail(position, error)
      return false
    }
  }

  private mutating func store(_ position: Int, _ namespace: String, _ data: JSONValue) -> Bool {
    do { _ = try admit(data, repeatedUpTo: 0, noted: 0) } catch {
      fail(position, error)
      return false
    }
    let step = step(position).id
    record.store(step: step, order: storedCount, namespace: namespace, value: data.bytes)
    budget.addPlace(namespace)
    let items = noteStored(namespace, by: step)
    return succeed(
      position, JSONObject([("stored_under", .string(namespace)), ("items", .number(JSONNumber(items)))]))
  }

  /// Takes room for a value before its text is built.
  /// - Parameters:
  ///   - longest: bytes up to which its progress entry repeats it.
  ///   - noted: bytes of the notes that go to the log with it.
  /// - Returns: bytes of its text.
  private mutating func admit(
    _ value: JSONValue, repeatedUpTo longest: Int, noted: Int
  ) throws(StepFailure) -> Int {
    if value.isNested(deeperThan: RunExecution.maxDepth) {
      throw StepFailure(.outputTooLarge, "the outputs are nested more than \(RunExecution.maxDepth) levels deep")
    }
    let limit = budget.limits.step
    guard let count = value.byteCount(atMost: limit.bytes) else {
      throw StepFailure(.outputTooLarge, "the outputs take more than \(limit.bytes) bytes (\(limit.setting))")
    }
    let logged = noted + (count <= longest ? count : 0)
    if let failure = budget.admit(count, logged: logged, logBytes: record.logBytes) { throw failure }
    return count
  }

  private mutating func fail(_ position: Int, _ failure: StepFailure) {
    plan.fail(position)
    budget.end(step(position), recorded: false)
    logFailure(step(position).id, failure)
  }

  private mutating func logFailure(_ step: String, _ failure: StepFailure) {
    let failure = budget.fitting(failure, logBytes: record.logBytes)
    record.log(.stepFailed(step: step, failure))
    self.failure = self.failure ?? StepFailure(failure.code, "step \(step): \(failure.message)")
  }

  /// Notes that the record which was taken last is written.
  mutating func noteRecorded() {
    for position in beingRecorded { plan.succeed(position) }
    beingRecorded = []
  }

  /// Undoes what a store has refused: the steps that stored there have failed, together with whatever depended on them.
  /// Everything else of the refused record is written with the next one.
  /// - Parameters:
  ///   - refused: the record, of which nothing was written.
  ///   - notBegun: steps whose beginning waited for a record; nothing begins any more.
  mutating func refuse(_ refused: CheckpointBatch, store namespace: String, _ why: String, notBegun: [Int]) {
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
    unrecorded = beingRecorded + unrecorded
    beingRecorded = []
    for position in notBegun {
      inProgress[position] = nil
      plan.cancel(position)
    }
    for position in failed {
      plan.revoke(position)
      logFailure(step(position).id, StepFailure(.operationFailed, why))
    }
  }

  @discardableResult
  private mutating func noteStored(_ namespace: String, by step: String) -> Int {
    storedCount += 1
    let index = storePositions[ExactKey(namespace), default: stores.count]
    if index == stores.count {
      storePositions[ExactKey(namespace)] = index
      stores.append((namespace, []))
    }
    stores[index].steps.append(step)
    return stores[index].steps.count
  }

  /// What is to be written now, with the run's end if it has come to it; nil when there is nothing.
  mutating func takeRecord() -> CheckpointBatch? {
    if plan.isOver { close() }
    guard !record.isEmpty else { return nil }
    record.hasStepInFlight = !inProgress.isEmpty
    beingRecorded = unrecorded
    unrecorded = []
    defer { record = record.next }
    return record
  }

  /// What is to be written when the run goes back to its queue.
  mutating func takeHandBack(asSuspect: Bool) -> CheckpointBatch {
    defer { record = record.next }
    record.end = .handedBack(asSuspect: asSuspect)
    return record
  }

  /// What is to be written when nothing else of the run can be.
  mutating func takeEnd(_ code: ErrorCode, _ why: String) -> CheckpointBatch {
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
      record.runDocumentBytes = budget.documents
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
