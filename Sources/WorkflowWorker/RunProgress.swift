import ExactJSON
import Workflow
import WorkflowOperations
import WorkflowStore

/// The progress of a run: the steps that are done, their outputs, and the batch to be written next.
struct RunProgress {
  typealias Position = ExecutionState.Position
  typealias Unit = ExecutionState.Unit

  let run: ClaimedRun
  var plan: Plan
  var scope: ReferenceScope
  var budget: RunBudget
  /// The batch to be written next.
  var batch: CheckpointBatch
  /// Ids of the steps that are done, in the order in which they were recorded.
  var done: [String]
  /// The values that the run has stored.
  var stores = StoredValues()
  /// Steps whose outputs are part of `batch` and must be recorded before their dependents start.
  var unrecorded: [Position] = []
  /// The same of the batch that is being written.
  var beingRecorded: [Position] = []
  /// Why the run fails: the failure of the first step that failed and is not optional.
  var failure: StepFailure?
  /// The id of that step.
  var failedStep: String?
  /// How many steps have failed.
  var failureCount: Int
  /// Failures of steps and items that no attempt had, since they were last handed out.
  var failedStarts: [FailedStart] = []
  /// How steps have ended since that was last counted.
  var uncounted: [(position: Position, outcome: WorkerMeter.StepOutcome)] = []
  /// The failed attempts of the steps that are to be attempted again.
  var attempts: [Position: StepAttempts] = [:]
  /// The items of the steps with `foreach` that are under way, and those steps in the order in which they began.
  var items: [Position: StepItems] = [:]
  var itemSteps: [Position] = []
  /// Those of them of which an item had failed before the run was taken up again.
  var failedItemSteps: [Position] = []
  /// What operations record of parts of their steps.
  var parts = StepPartRecords()
  let clock: RedisClock
  /// When the attempt is due that waits for its turn and is the first of them, as it was recorded; nil where none does.
  private var firstPlace: Timestamp?

  /// The longest wait for an attempt that keeps its run in the worker; a run that waits longer is parked.
  static let longestWait = Duration.milliseconds(500)

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
    for value in run.stored { stores.restore(value, outputs: run.recorded[value.unit.step]) }
    if !run.attempts.isEmpty { restoreAttempts() }
    if failures.isEmpty { return }
    let optional = Set(run.definition.steps.filter(\.options.isOptional).map(\.id))
    if let first = failures.first(where: { !optional.contains($0.step) }) {
      (failedStep, failure) = (first.step, first.failure.of(step: first.step))
    }
  }

  private mutating func restoreAttempts() {
    firstPlace = run.attempts.values.filter(\.waitsForPlace).map(\.due).min()
    for (position, id) in run.graph.ids.enumerated() {
      guard let known = run.attempts[StepUnit(id)], plan.outcome(of: position) == nil else { continue }
      attempts[position] = known
      plan.wait(position, until: start(afterRecorded: known))
    }
  }

  /// When another attempt may begin, by the uptime: no wait becomes longer than it was, wherever Redis's clock goes.
  func start(after attempts: StepAttempts) -> Timestamp {
    now + min(attempts.wait, max(.zero, attempts.due - clock.now))
  }

  /// The same after attempts that were recorded before this claim. When more is left of a wait than it had to begin
  /// with, Redis's clock has gone back since: the run would wait again in each claim until the clock has caught up, so
  /// the next attempt begins at once. So does the first one that waits for its turn at a model: the run may be claimed
  /// because that has come (hurry.lua).
  func start(afterRecorded attempts: StepAttempts) -> Timestamp {
    if attempts.waitsForPlace, attempts.due == firstPlace { return now }
    return attempts.due - clock.now > attempts.wait + .seconds(1) ? now : start(after: attempts)
  }

  /// The limits on what the run's steps may return.
  var limits: RunBudget.Limits { budget.limits }

  /// A step of the definition.
  func step(_ position: Position) -> StepDefinition { run.definition.steps[position] }

  // MARK: Starting steps

  /// Whether the batch should be written before further steps add to it.
  var isBatchFull: Bool { batch.isFull }

  /// The next step, or item of a step, that may start; it counts as taken until it has succeeded or failed.
  mutating func takeReady() -> Unit? {
    recordSkips()
    if !itemSteps.isEmpty, let unit = takeItem() { return unit }
    if let position = plan.takeReady() { return Unit(position: position) }
    guard let failed = failedItemSteps.popLast() else { return nil }
    settleItems(of: failed, isImmediate: false)
    return takeReady()
  }

  /// When the next attempt of a step or an item may begin that waits for its time, by the uptime; nil when none waits.
  var nextDue: Timestamp? {
    if items.isEmpty { return plan.nextDue }
    return (items.values.map(\.nextDue) + [plan.nextDue]).compactMap { $0 }.min()
  }

  /// The uptime: what waits within the process counts by it.
  var now: Timestamp { RedisClock.uptime }

  /// Lets the waiting steps start whose time has come.
  mutating func wake() {
    if items.isEmpty, plan.nextDue == nil { return }
    let now = now
    for position in itemSteps {
      items[position]?.wake(at: now)
      if items[position]?.onlyWaits == false { plan.resume(position) }
    }
    plan.wake(at: now)
  }

  /// Until when the run is to be parked: nothing of it can happen before.
  var parkTime: Timestamp? {
    guard let due = plan.nextDue, plan.onlyWaits, due - now > Self.longestWait else { return nil }
    return due
  }

  /// Returns the step or item that was taken last; it starts later.
  mutating func putBack(_ unit: Unit) {
    if let item = unit.item { items[unit.position]?.putBack(item) } else { plan.putBack() }
  }

  /// Whether the condition of a step holds, or it has none.
  func isToRun(_ position: Position) throws(StepFailure) -> Bool {
    guard let json = step(position).options.condition else { return true }
    guard let condition = Condition(json: json) else {
      throw StepFailure(.operationFailed, "when: this worker does not understand the condition")
    }
    return try condition.holds(in: scope, within: budget.limits.step)
  }

  /// The arguments of the operation of a step or an item, and the bytes of its parameters as JSON text.
  mutating func invocation(
    _ unit: Unit, schema: ParameterSchema
  ) throws(StepFailure) -> (invocation: Invocation, bytes: Int) {
    let step = step(unit.position)
    if let item = unit.item { scope.item = items[unit.position]?.values[item] }
    defer { scope.item = nil }
    let (params, bytes) = try scope.resolve(step.params, within: budget.limits.step)
    try schema.check(resolved: params)
    var invocation = Invocation(
      job: run.id.description, step: step.id, item: unit.item, params: params, inputs: scope.inputs,
      outputLimit: budget.limits.step,
      earlier: earlier(unit), generation: run.generation)
    let known = knownParts(of: unit)
    if !known.isEmpty { invocation.parts = StepParts(known: known) }
    return (invocation, bytes)
  }

  func earlier(_ unit: Unit) -> StepAttempts? {
    if let item = unit.item { return items[unit.position]?.attempts[item] }
    return attempts.isEmpty ? nil : attempts[unit.position]
  }

  /// Logs that a step starts; that of an item is not logged.
  mutating func begin(_ unit: Unit) {
    if unit.item != nil { return }
    let step = step(unit.position)
    batch.log(.stepStart(step: step.id, op: step.op))
  }
}
