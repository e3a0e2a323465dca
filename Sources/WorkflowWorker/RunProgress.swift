import ExactJSON
import Workflow
import WorkflowOperations
import WorkflowStore

/// The progress of a run: the steps that are done, their outputs, and the batch to be written next.
struct RunProgress {
  typealias Position = ExecutionState.Position

  /// Levels of nesting that outputs may have: as many as a submitted body, so that what wf wraps around them stays
  /// readable.
  private static let maxDepth = 128

  private let run: ClaimedRun
  private var plan: Plan
  private var scope: ReferenceScope
  private var budget: RunBudget
  /// The batch to be written next.
  private var batch: CheckpointBatch
  /// Ids of the steps that are done, in the order in which they were recorded.
  private var done: [String]
  /// The values that the run has stored.
  private var stores = StoredValues()
  /// Steps whose outputs are part of `batch` and must be recorded before their dependents start.
  private var unrecorded: [Position] = []
  /// The same of the batch that is being written.
  private var beingRecorded: [Position] = []
  /// Why the run fails: the failure of the first step that failed and is not optional.
  private(set) var failure: StepFailure?
  /// The id of that step.
  private var failedStep: String?
  /// How many steps have failed.
  private var failureCount: Int
  /// The failed attempts of the steps that are to be attempted again.
  private var attempts: [Position: StepAttempts] = [:]
  private let clock: RedisClock

  /// The longest wait for an attempt that keeps its run in the worker; a run that waits longer is parked.
  private static let longestWait = Duration.milliseconds(500)

  init(_ run: ClaimedRun, limits: RunBudget.Limits, clock: RedisClock) {
    self.run = run
    self.clock = clock
    batch = CheckpointBatch(beginning: run, clock: clock)
    budget = RunBudget(run, limits: limits)
    let failures = run.failures
    failureCount = failures.count
    plan = Plan(
      run.graph, recorded: run.outcomes, begun: Set(failures.flatMap(\.inFlight)),
      failsFast: run.definition.failsFast)
    scope = ReferenceScope(
      inputs: run.definition.inputs, outputs: run.recorded, steps: run.definition.steps.count)
    done =
      run.recorded.isEmpty
      ? [] : (run.graph.topologicalOrder ?? []).map { run.graph.ids[$0] }.filter { run.recorded[$0] != nil }
    done.reserveCapacity(run.definition.steps.count)
    for value in run.stored { stores.add(value.namespace, step: value.step) }
    if !run.attempts.isEmpty { restoreAttempts() }
    if failures.isEmpty { return }
    let optional = Set(run.definition.steps.filter(\.options.isOptional).map(\.id))
    if let first = failures.first(where: { !optional.contains($0.step) }) {
      (failedStep, failure) = (first.step, first.failure.of(step: first.step))
    }
  }

  private mutating func restoreAttempts() {
    for (position, id) in run.graph.ids.enumerated() {
      guard let known = run.attempts[id], plan.outcome(of: position) == nil else { continue }
      attempts[position] = known
      // Redis's clock may have gone back since.
      plan.wait(position, until: min(known.due, clock.now + known.wait))
    }
  }

  /// The limits on what the run's steps may return.
  var limits: RunBudget.Limits { budget.limits }

  /// A step of the definition.
  func step(_ position: Position) -> StepDefinition { run.definition.steps[position] }

  // MARK: Starting steps

  /// Whether the batch should be written before further steps add to it.
  var isBatchFull: Bool { batch.size >= CheckpointBatch.full }

  /// The next step that may start; it counts as taken until it has succeeded or failed.
  mutating func takeReady() -> Position? {
    recordSkips()
    return plan.takeReady()
  }

  /// When the next attempt of a step may begin that waits for its time; nil when none waits.
  var nextDue: Timestamp? { plan.nextDue }

  /// Redis's clock.
  var now: Timestamp { clock.now }

  /// Lets the waiting steps start whose time has come.
  mutating func wake() {
    if plan.nextDue != nil { plan.wake(at: clock.now) }
  }

  /// Until when the run is to be parked: nothing of it can happen before.
  private var parkTime: Timestamp? {
    guard let due = plan.nextDue, plan.onlyWaits, due - clock.now > Self.longestWait else { return nil }
    return due
  }

  /// Returns the step that was taken last; it starts later.
  mutating func putBack() { plan.putBack() }

  /// Whether the condition of a step holds, or it has none.
  func isToRun(_ position: Position) throws(StepFailure) -> Bool {
    guard let json = step(position).options.condition else { return true }
    guard let condition = Condition(json: json) else {
      throw StepFailure(.operationFailed, "when: this worker does not understand the condition")
    }
    return try condition.holds(in: scope, within: budget.limits.step)
  }

  /// The arguments of a step's operation, and the bytes of its parameters as JSON text.
  func invocation(
    _ position: Position, schema: ParameterSchema
  ) throws(StepFailure) -> (invocation: Invocation, bytes: Int) {
    let step = step(position)
    let (params, bytes) = try scope.resolve(step.params, within: budget.limits.step)
    try schema.check(resolved: params)
    let invocation = Invocation(
      job: run.id.description, step: step.id, params: params, inputs: scope.inputs, outputLimit: budget.limits.step,
      earlier: attempts.isEmpty ? nil : attempts[position])
    return (invocation, bytes)
  }

  /// Logs that a step starts.
  mutating func begin(_ position: Position) {
    let step = step(position)
    batch.log(.stepStart(step: step.id, op: step.op))
  }

  // MARK: Results

  /// Takes the result of a step. A result that the limits do not allow fails the step.
  /// - Parameter isImmediate: whether the step's operation is immediate. Its dependents then start at once, because it
  ///   can be run again at no cost. The dependents of any other step start when its outputs are recorded, so that no
  ///   later crash can lose the answer of a paid call.
  mutating func succeed(_ position: Position, _ result: OperationResult, isImmediate: Bool) {
    do throws(StepFailure) {
      switch result {
      case .outputs(let outputs, let notes): try add(outputs, notes, of: position)
      case .stored(let namespace, let data): try store(data, in: namespace, by: position)
      }
    } catch {
      return fail(position, error)
    }
    if isImmediate || plan.graph.dependents[position].isEmpty {
      plan.end(taken: position, .done)
    } else {
      unrecorded.append(position)
    }
  }

  private mutating func add(
    _ outputs: JSONObject, _ notes: [ProgressMessage] = [], of position: Position
  ) throws(StepFailure) {
    let value = JSONValue.object(outputs)
    let longest = budget.limits.progressEntryBytes
    let count = try admit(value, repeatedUpTo: longest, noted: notes.reduce(0) { $0 + $1.byteCount })
    for note in notes { batch.log(note) }
    let step = step(position)
    batch.checkpoint(step: step.id, outputs: value.bytes, inLog: count <= longest)
    budget.end(step, recorded: true)
    scope.add(outputs, of: step.id)
    done.append(step.id)
  }

  private mutating func store(
    _ data: JSONValue, in namespace: String, by position: Position
  ) throws(StepFailure) {
    _ = try admit(data, repeatedUpTo: 0, noted: 0)
    budget.addPlace(namespace)
    let items = stores.count(in: namespace) + 1
    // Before the value: if the outputs do not fit, the step fails and nothing is stored.
    try add(JSONObject([("stored_under", .string(namespace)), ("items", .number(JSONNumber(items)))]), of: position)
    let step = step(position).id
    batch.store(step: step, order: stores.count, namespace: namespace, value: data.bytes)
    stores.add(namespace, step: step)
  }

  /// Reserves room for a value before its text is built.
  /// - Parameters:
  ///   - longest: bytes up to which the progress entry of the value repeats it.
  ///   - noted: bytes of the step's other log entries.
  /// - Returns: bytes of its text.
  private mutating func admit(
    _ value: JSONValue, repeatedUpTo longest: Int, noted: Int
  ) throws(StepFailure) -> Int {
    if value.isNested(deeperThan: Self.maxDepth) {
      throw StepFailure(.outputTooLarge, "the outputs are nested more than \(Self.maxDepth) levels deep")
    }
    let limit = budget.limits.step
    guard let count = value.byteCount(atMost: limit.bytes) else {
      throw .outputs(over: limit)
    }
    let logged = noted + (count <= longest ? count : 0)
    if let failure = budget.admit(count, logged: logged, logBytes: batch.logBytes) { throw failure }
    return count
  }

  /// Fails a step, and with it the run unless the step is optional. What waits for the failure may start at once: its
  /// start is recorded with the failure or after it.
  mutating func fail(_ position: Position, _ failure: StepFailure) {
    let step = step(position)
    budget.end(step, recorded: false)
    logFailure(position, failure)
    plan.end(taken: position, .failed(isOptional: step.options.isOptional))
    for blocked in plan.takeBlockedWaits() {
      if let attempts = attempts[blocked] { fail(blocked, attempts.failure) }
    }
  }

  /// Notes a failed attempt of a step after which another one follows. The step fails when the run has no room for
  /// that, or another step has failed the run meanwhile.
  mutating func repeats(_ position: Position, _ next: StepAttempts) {
    let step = step(position)
    let message = ProgressMessage.stepRetry(step: step.id, next)
    let need = message.byteCount + ProgressMessage.stepStart(step: step.id, op: step.op).byteCount
    let document = next.json.text.utf8.count
    guard need + document <= budget.room(logBytes: batch.logBytes) else {
      let words = "\(next.failure.message); the run has no room for another attempt (WF_MAX_RUN_BYTES)"
      return fail(position, StepFailure(next.failure.code, words))
    }
    attempts[position] = next
    plan.wait(position, until: next.due)
    if plan.takeBlockedWaits().contains(position) { return fail(position, next.failure) }
    batch.log(message)
    batch.attempted(step: step.id, next)
  }

  private mutating func logFailure(_ position: Position, _ failure: StepFailure) {
    let step = step(position)
    let failure = budget.fitting(failure, logBytes: batch.logBytes)
    batch.log(.stepFailed(step: step.id, failure))
    let inFlight = plan.openSteps.filter { $0 != step.id }
    batch.end(step: step.id, .failed(failure, order: failureCount, inFlight: inFlight))
    failureCount += 1
    if step.options.isOptional || self.failure != nil { return }
    (failedStep, self.failure) = (step.id, failure.of(step: step.id))
  }

  /// Skips a step that was taken.
  mutating func skip(_ position: Position) {
    recordSkip(position)
    plan.end(taken: position, .skipped)
  }

  /// Records the steps that are skipped because another one has not ended as they need it.
  private mutating func recordSkips() {
    for position in plan.takeSkipped() { recordSkip(position) }
  }

  private mutating func recordSkip(_ position: Position) {
    let step = step(position)
    budget.end(step, recorded: false)
    batch.log(.stepSkipped(step: step.id))
    batch.end(step: step.id, .skipped)
  }

  // MARK: Writing

  /// The batch to be written now, with the end of the run if every step has ended; nil when there is nothing to write.
  /// - Parameter hasStepInFlight: whether a step is starting or running that may take the worker down with it.
  mutating func takeBatch(hasStepInFlight: Bool) -> CheckpointBatch? {
    recordSkips()
    if plan.isOver {
      close()
    } else if let due = parkTime {
      batch.end = .parked(until: due)
    }
    guard !batch.isEmpty else { return nil }
    batch.hasStepInFlight = hasStepInFlight
    beingRecorded = unrecorded
    unrecorded = []
    defer { batch = batch.next }
    return batch
  }

  /// Confirms that the batch which was taken last is written: the dependents of its steps may start.
  mutating func confirm() {
    for position in beingRecorded { plan.end(taken: position, .done) }
    beingRecorded = []
  }

  /// Undoes the steps that stored values where nothing can be stored: they fail, and their dependents are undone. The
  /// next batch contains the rest of the refused one.
  /// - Parameters:
  ///   - refused: the batch of which nothing was written.
  ///   - namespace: the store that refused a value.
  ///   - notStarted: steps that were taken and have not started; no further step starts.
  mutating func undo(_ refused: CheckpointBatch, store namespace: String, _ why: String, notStarted: [Position]) {
    let failed = (refused.items + batch.items).compactMap { item -> Position? in
      guard case .stored(let step, _, let name, _) = item, name.utf8.elementsEqual(namespace.utf8) else { return nil }
      return plan.graph.ids.firstIndex(of: step)
    }
    let dependents = plan.graph.allDependents(of: failed)
    let failedSteps = Set(failed.map { step($0).id })
    let undoneSteps = Set(dependents.union(notStarted).map { step($0).id })
    batch = batch.joined(to: refused) { item in
      switch item {
      case .entry(.finished, _), .entry(.failed, _): return false
      case .entry(.stepStart(let step, _), _): return !undoneSteps.contains(step)
      default: return item.step.map { !undoneSteps.contains($0) && !failedSteps.contains($0) } ?? true
      }
    }
    unrecorded = beingRecorded + unrecorded
    beingRecorded = []
    for position in notStarted { plan.cancel(position) }
    for position in dependents.union(failed) { scope.remove(step(position).id) }
    done.removeAll { undoneSteps.contains($0) || failedSteps.contains($0) }
    stores.remove(failedSteps.union(undoneSteps))
    if let failedStep, undoneSteps.contains(failedStep) { (self.failedStep, failure) = (nil, nil) }
    for position in failed { logFailure(position, StepFailure(.operationFailed, why)) }
    for position in dependents { attempts[position] = nil }
    plan.revoke(failed.map { ($0, step($0).options.isOptional) }, dependents: dependents)
  }

  private mutating func close() {
    batch.runDocumentBytes = budget.documents
    (batch.retain, batch.hasLimit) = (run.retain, run.hasLimit)
    if let failure {
      batch.log(.failed(failure))
      batch.end = .failed(failure)
    } else {
      batch.log(.finished)
      batch.end = .finished(
        RunResult(
          runName: run.definition.runName, inputs: run.shortInputs, done: done,
          stores: stores.steps.filter { !$0.steps.isEmpty }))
    }
  }

  /// The batch that hands the run back to its queue.
  mutating func handBackBatch(isQuarantined: Bool) -> CheckpointBatch {
    batch.end = .handedBack(asSuspect: isQuarantined)
    return batch
  }

  /// The batch that ends the run as failed and contains nothing else, because nothing else of it can be written.
  mutating func failureBatch(_ failure: StepFailure) -> CheckpointBatch {
    batch = batch.next
    (batch.retain, batch.hasLimit) = (run.retain, run.hasLimit)
    batch.log(.failed(failure))
    batch.end = .failed(failure)
    return batch
  }
}
