import ExactJSON
import Workflow
import WorkflowOperations
import WorkflowStore

extension RunProgress {
  /// Takes the result of a step. A result that the limits do not allow fails the step.
  /// - Parameter isImmediate: whether the step's operation is immediate. Its dependents then start at once, because it
  ///   can be run again at no cost. The dependents of any other step start when its outputs are recorded, so that no
  ///   later crash can lose the answer of a paid call.
  mutating func succeed(_ unit: Unit, _ result: OperationResult, isImmediate: Bool) {
    parts.known[unit] = nil
    if let item = unit.item {
      succeed(unit.position, item: item, result, isImmediate: isImmediate)
    } else {
      succeed(unit.position, result, isImmediate: isImmediate)
    }
  }

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

  /// Levels of nesting that outputs may have: as many as a submitted body, so that what wf wraps around them stays
  /// readable.
  private static let maxDepth = 128

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
    uncounted.append((position, .done))
    scope.add(outputs, of: step.id)
    done.append(step.id)
  }

  private mutating func store(
    _ data: JSONValue, in namespace: String, by position: Position
  ) throws(StepFailure) {
    _ = try admit(data, repeatedUpTo: 0, noted: 0)
    budget.addPlace(namespace)
    let items = stores.nextNumber(in: namespace)
    // Before the value: if the outputs do not fit, the step fails and nothing is stored.
    try add(JSONObject([("stored_under", .string(namespace)), ("items", .number(JSONNumber(items)))]), of: position)
    let step = step(position).id
    batch.store(StepUnit(step), order: stores.nextOrder, namespace: namespace, value: data.bytes)
    stores.add(namespace, step: step)
  }

  /// Reserves room for a value before its text is built.
  /// - Parameters:
  ///   - longest: bytes up to which the progress entry of the value repeats it.
  ///   - noted: bytes of the step's other log entries.
  /// - Returns: bytes of its text.
  mutating func admit(
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
  mutating func fail(_ unit: Unit, _ failure: StepFailure, isImmediate: Bool = false) {
    if let item = unit.item {
      end(unit.position, item: item, .failed(failure), isImmediate: isImmediate)
    } else {
      fail(unit.position, failure)
    }
  }

  mutating func fail(_ position: Position, _ failure: StepFailure) {
    forgetItems(of: position)
    let step = step(position)
    budget.end(step, recorded: false)
    logFailure(position, failure)
    plan.end(taken: position, .failed(isOptional: step.options.isOptional))
    failBlockedWaits()
    failBlockedAttempts()
  }

  /// Notes a failed attempt of a step or an item after which another one follows. It fails when the run has no room for
  /// that, or another step has failed the run meanwhile.
  /// - Parameter note: what the log says of that besides.
  mutating func repeats(_ unit: Unit, _ next: StepAttempts, note: ProgressMessage? = nil) {
    let step = step(unit.position)
    let message = ProgressMessage.stepRetry(step: step.id, item: unit.item, next)
    let need =
      message.byteCount + (note?.byteCount ?? 0) + ProgressMessage.stepStart(step: step.id, op: step.op).byteCount
    guard need + next.json.text.utf8.count <= budget.room(logBytes: batch.logBytes) else {
      let words = "\(next.failure.message); the run has no room for another attempt (WF_MAX_RUN_BYTES)"
      let failure = StepFailure(next.failure.code, words)
      if next.failed == 0 { noteFailedStart(unit, failure) }
      return fail(unit, failure)
    }
    if let item = unit.item {
      let start = start(after: next)
      items[unit.position]?.repeats(item, next, until: start)
    } else {
      attempts[unit.position] = next
      plan.wait(unit.position, until: start(after: next))
      if plan.takeBlockedWaits().contains(unit.position) {
        noteUnattempted(unit.position)
        return fail(unit, next.failure)
      }
    }
    batch.log(message)
    if let note { batch.log(note) }
    batch.attempted(StepUnit(step.id, item: unit.item), next)
    if unit.item != nil { settleItems(of: unit.position, isImmediate: false) }
  }

  /// Fails the steps that wait although another step's failure keeps them from starting.
  mutating func failBlockedWaits() {
    for blocked in plan.takeBlockedWaits() {
      noteUnattempted(blocked)
      fail(blocked, attempts[blocked]?.failure ?? stopFailure(of: blocked))
    }
  }

  /// Records the last failure of steps whose next attempt was due, and that another step's failure keeps from starting.
  private mutating func failBlockedAttempts() {
    for position in attempts.keys.sorted() where plan.outcome(of: position) == .blocked {
      noteUnattempted(position)
      guard let known = attempts.removeValue(forKey: position) else { continue }
      budget.end(step(position), recorded: false)
      logFailure(position, known.failure)
    }
  }

  mutating func logFailure(_ position: Position, _ failure: StepFailure) {
    let step = step(position)
    let failure = budget.fitting(failure, logBytes: batch.logBytes)
    batch.log(.stepFailed(step: step.id, failure))
    let inFlight = plan.openSteps.filter { $0 != step.id }
    batch.end(step: step.id, .failed(failure, order: failureCount, inFlight: inFlight))
    failureCount += 1
    uncounted.append((position, .failed))
    if step.options.isOptional || self.failure != nil { return }
    (failedStep, self.failure) = (step.id, failure.of(step: step.id))
  }

  /// Skips a step that was taken.
  mutating func skip(_ position: Position) {
    recordSkip(position)
    plan.end(taken: position, .skipped)
  }

  /// Records the steps that are skipped because another one has not ended as they need it.
  mutating func recordSkips() {
    for position in plan.takeSkipped() { recordSkip(position) }
  }

  private mutating func recordSkip(_ position: Position) {
    let step = step(position)
    budget.end(step, recorded: false)
    batch.log(.stepSkipped(step: step.id))
    batch.end(step: step.id, .skipped)
    uncounted.append((position, .skipped))
  }
}
