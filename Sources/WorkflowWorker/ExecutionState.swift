import ExactJSON
import Workflow
import WorkflowOperations
import WorkflowStore

/// Decides on the executor's next action: given an event, it returns one action.
///
/// At most one batch is written at a time; results that arrive meanwhile are written together in the next one. The
/// start of a step is recorded before the step starts, unless its operation is immediate, so that a crash of the worker
/// is counted against the run and nothing starts while Redis is unreachable or the lease is lost.
struct ExecutionState {
  /// A step, by its index in the definition.
  typealias Position = Int

  /// A step, or an item of a step with `foreach`.
  struct Unit: Hashable, Sendable {
    let position: Position
    var item: Int?
  }

  /// The end of an action that took time.
  enum Event: Sendable {
    /// An attempt of a step has ended.
    case ended(Unit, AttemptEnd)
    /// An operation wants to have a part of its step recorded.
    case part(PartRecord)
    /// The time of a waiting step may have come.
    case due
    /// Redis has answered for the batch in flight, or the run is lost.
    case written(CheckpointWriter.Answer)
  }

  /// How an attempt of a step has ended.
  enum AttemptEnd: Sendable {
    case succeeded(OperationResult)
    /// It has failed, and another one follows; `note`: what the log says of that besides.
    indirect case repeats(StepAttempts, note: ProgressMessage? = nil)
    /// It has failed, and no other one follows.
    case failed(StepFailure)
    /// The worker has stopped it.
    case cancelled
  }

  /// A task for the executor.
  enum Action {
    /// Runs an immediate operation in place.
    case run(PendingStep)
    /// Starts each of these steps as a task.
    case start([PendingStep])
    /// Writes a batch.
    case write(CheckpointBatch)
    /// Waits for the next event; where there is a time, for that long at most.
    case wait(Duration?)
    /// Cancels the attempts that still run, and leaves the run.
    case leave(Exit)
  }

  /// How the executor leaves a run.
  enum Exit: Sendable, Equatable {
    case finished
    case failed(StepFailure)
    /// The run waits outside its queue for the next attempt of a step.
    case parked(until: Timestamp)
    /// The worker stops; the run is in its queue again if the answer is `recorded`.
    case handedBack(CheckpointWriter.Answer)
    /// The run is not this worker's any more.
    case lost(String)
    /// The run could not continue and has been ended as failed, if the answer is `recorded`.
    case refused(String, CheckpointWriter.Answer)
  }

  /// A step that may start, with its parameters resolved. A class, because it is large and handed from one to another.
  final class PendingStep: Sendable {
    let unit: Unit
    let operation: any Operation
    let invocation: Invocation
    /// What its author says of its attempts.
    let options: StepDefinition.Options
    /// Bytes of the parameters as JSON text.
    let parameterBytes: Int

    init(
      unit: Unit, operation: any Operation, invocation: Invocation, options: StepDefinition.Options, parameterBytes: Int
    ) {
      self.unit = unit
      self.operation = operation
      self.invocation = invocation
      self.options = options
      self.parameterBytes = parameterBytes
    }

    /// The same step with more arguments.
    func adding(_ change: (inout Invocation) -> Void) -> PendingStep {
      var invocation = invocation
      change(&invocation)
      return PendingStep(
        unit: unit, operation: operation, invocation: invocation, options: options, parameterBytes: parameterBytes)
    }
  }

  /// The purpose of the batch in flight.
  private enum Purpose {
    /// It records steps, and lets others start.
    case progress(CheckpointBatch, starting: [PendingStep])
    /// It hands the run back.
    case handBack
    /// It ends a run that cannot continue.
    case refusal(String)
  }

  private var progress: RunProgress
  private let registry: OperationRegistry
  /// Whether one more crash would end the run.
  private var isQuarantined: Bool
  /// Steps whose start is part of the next batch.
  private var starting: [PendingStep] = []
  /// The batch that is being written.
  private var inFlight: Purpose?
  /// Steps that run as tasks, with the bytes of their parameters.
  private var running: [Unit: Int] = [:]
  /// Bytes of the parameters of all steps that are starting or running.
  private var parameterBytes = 0
  /// When the executor wakes for a waiting step.
  private var alarm: Timestamp?

  init(_ run: ClaimedRun, registry: OperationRegistry, limits: RunBudget.Limits, clock: RedisClock) {
    progress = RunProgress(run, limits: limits, clock: clock)
    isQuarantined = run.isSuspect
    self.registry = registry
  }

  /// Handles an event and decides on the next action.
  /// - Parameters:
  ///   - event: nil when nothing has ended since the last action.
  ///   - stop: why the run must stop, if it must.
  mutating func next(after event: Event?, stop: ActiveRuns.Stop?) -> Action {
    switch event {
    case nil: break
    case .ended(let unit, let end): self.end(unit, end, stop)
    case .part(let part): progress.record(part)
    case .due: alarm = nil
    case .written(let answer): if let action = settle(answer, stop) { return action }
    }
    if case .refusal = inFlight { return .wait(nil) }
    progress.wake()
    if stop == nil, let step = takeImmediate() { return .run(step) }
    if stop != .lost, inFlight == nil,
      var batch = progress.takeBatch(hasStepInFlight: hasStepInFlight, isNeeded: !starting.isEmpty)
    {
      batch.startsModelCalls = starting.contains { $0.operation.callsModels }
      return write(batch, .progress(batch, starting: takeStarting()))
    }
    if inFlight != nil || !running.isEmpty { return .wait(stop == nil ? setAlarm() : nil) }
    switch stop {
    case .handBack, .pause: return write(progress.handBackBatch(isQuarantined: isQuarantined), .handBack)
    case .lost: return .leave(.lost("it was ended, or its lease is lost"))
    case nil where progress.nextDue != nil: return .wait(setAlarm())
    // Only a definition that was changed in Redis comes to this.
    case nil: return refuse("none of the steps that are left can start: each waits for another")
    }
  }

  /// Sets the alarm for the first waiting step.
  /// - Returns: the time until then; nil when none waits, or the alarm is set already.
  private mutating func setAlarm() -> Duration? {
    guard let due = progress.nextDue, due != alarm else { return nil }
    alarm = due
    return max(.zero, due - progress.now)
  }

  private mutating func write(_ batch: CheckpointBatch, _ purpose: Purpose) -> Action {
    inFlight = purpose
    return .write(batch)
  }

  private mutating func refuse(_ why: String) -> Action {
    write(progress.failureBatch(StepFailure(.operationFailed, why)), .refusal(why))
  }

  // MARK: Steps

  /// Prepares the steps that may start now, up to the first whose operation is immediate.
  /// - Returns: that one.
  private mutating func takeImmediate() -> PendingStep? {
    while !progress.isBatchFull, let unit = progress.takeReady() {
      do throws(StepFailure) {
        if unit.item == nil, try !progress.isToRun(unit.position) {
          progress.skip(unit.position)
          continue
        }
        if progress.isToOpen(unit) {
          try progress.open(unit.position)
          continue
        }
        let step = try pendingStep(unit)
        let isImmediate = step.operation.isImmediate
        guard isImmediate || hasRoom(for: step) else {
          progress.putBack(unit)
          return nil
        }
        progress.begin(unit)
        if isImmediate { return step }
        starting.append(step)
        parameterBytes += step.parameterBytes
      } catch {
        progress.begin(unit)
        progress.failStart(unit, error)
      }
    }
    return nil
  }

  private mutating func pendingStep(_ unit: Unit) throws(StepFailure) -> PendingStep {
    let step = progress.step(unit.position)
    guard let operation = registry[step.op] else {
      throw StepFailure(.operationFailed, "this worker has no operation \(step.op)")
    }
    let (invocation, bytes) = try progress.invocation(unit, schema: operation.parameters)
    return PendingStep(
      unit: unit, operation: operation, invocation: invocation, options: step.options, parameterBytes: bytes)
  }

  /// Whether the parameters of a step fit beside those of the steps that are starting or running. They fit if there are
  /// no such steps, because one step's parameters may not take more than a run.
  private func hasRoom(for step: PendingStep) -> Bool {
    parameterBytes + step.parameterBytes <= progress.limits.runBytes
  }

  /// Whether a step is starting or running that may take the worker down with it.
  private var hasStepInFlight: Bool {
    if case .progress(_, let steps) = inFlight, !steps.isEmpty { return true }
    return !starting.isEmpty || !running.isEmpty
  }

  private mutating func takeStarting() -> [PendingStep] {
    defer { starting = [] }
    return starting
  }

  private mutating func end(_ unit: Unit, _ end: AttemptEnd, _ stop: ActiveRuns.Stop?) {
    let bytes = running.removeValue(forKey: unit)
    parameterBytes -= bytes ?? 0
    switch end {
    case .succeeded(let result): progress.succeed(unit, result, isImmediate: bytes == nil)
    case .repeats(let attempts, let note): progress.repeats(unit, attempts, note: note)
    case .failed(let failure): progress.fail(unit, failure)
    // The step runs again wherever the run continues.
    case .cancelled where stop != nil: break
    case .cancelled:
      progress.fail(
        unit,
        StepFailure(.operationFailed, "the operation says it was cancelled, but nothing stops the run"))
    }
  }

  /// Hands out the failures since the last call that no attempt had.
  mutating func takeFailedStarts() -> [FailedStart] { progress.takeFailedStarts() }

  /// Hands out the operations of the steps that have ended since the last call, and how they have.
  mutating func countEnded(_ count: (_ op: String, _ outcome: WorkerMeter.StepOutcome) -> Void) {
    progress.countEnded(count)
  }

  // MARK: Answers

  /// Handles the answer for the batch in flight.
  /// - Returns: the action that follows from it; nil when the run continues as usual.
  private mutating func settle(_ answer: CheckpointWriter.Answer, _ stop: ActiveRuns.Stop?) -> Action? {
    let purpose = inFlight
    inFlight = nil
    switch (purpose, answer) {
    case (nil, _): return nil
    case (.handBack, _): return .leave(.handedBack(answer))
    case (.refusal(let why), _): return .leave(.refused(why, answer))
    case (.progress(let batch, let steps), .recorded): return confirm(batch, steps, stop)
    case (.progress(let batch, let steps), .refused(let why, let namespace?)):
      let notStarted = steps + takeStarting()
      parameterBytes -= notStarted.reduce(0) { $0 + $1.parameterBytes }
      progress.undo(batch, store: namespace, why, notStarted: notStarted.map(\.unit))
      return nil
    case (.progress, .refused(let why, nil)): return refuse(why)
    case (.progress, .lost(let why)): return .leave(.lost(why))
    }
  }

  private mutating func confirm(
    _ batch: CheckpointBatch, _ steps: [PendingStep], _ stop: ActiveRuns.Stop?
  ) -> Action? {
    if case .parked(let due) = batch.end { return .leave(.parked(until: due)) }
    if batch.end != nil { return .leave(progress.failure.map { .failed($0) } ?? .finished) }
    progress.confirm()
    if batch.hasCheckpoint { isQuarantined = false }
    if steps.isEmpty || stop != nil { return nil }
    for step in steps { running[step.unit] = step.parameterBytes }
    return .start(steps)
  }
}
