import ExactJSON
import Workflow
import WorkflowOperations
import WorkflowStore

/// Steps with `foreach`: a step ends when its items have ended.
extension RunProgress {
  /// Of how many parts of its items a step logs that they have ended.
  private static let progressParts = 100

  /// Whether a step that was taken runs once per item, and its items are not known yet.
  func isToOpen(_ unit: Unit) -> Bool {
    unit.item == nil && step(unit.position).options.foreach != nil
  }

  /// Reads the items of a step that was taken, and logs that it starts.
  /// - Throws: why the array cannot be had.
  mutating func open(_ position: Position) throws(StepFailure) {
    let step = step(position)
    guard let foreach = step.options.foreach else { return }
    let values = try scope.resolve(array: foreach.array, within: budget.limits.step)
    guard values.count <= budget.limits.items else {
      throw StepFailure(
        .operationFailed,
        "foreach: the array has \(values.count) items; a step may have \(budget.limits.items) (WF_MAX_ITEMS)")
    }
    let recorded = run.items[step.id] ?? [:]
    var attempts: [Int: (known: StepAttempts, start: Timestamp)] = [:]
    for (unit, known) in run.attempts where unit.step == step.id {
      if let item = unit.item { attempts[item] = (known, start(afterRecorded: known)) }
    }
    let isNew = recorded.isEmpty && attempts.isEmpty
    if isNew { batch.log(.stepStart(step: step.id, op: step.op)) }
    items[position] = StepItems(values, foreach, recorded: recorded, attempts: attempts, now: now)
    items[position]?.bytes = recorded.values.reduce(0) { $0 + $1.json.text.utf8.count }
    itemSteps.append(position)
    if !isNew { logProgress(of: position) }
    // What was in flight beside the failure of an item runs again first.
    if items[position]?.failure != nil {
      failedItemSteps.append(position)
    } else {
      settleItems(of: position, isImmediate: false)
    }
  }

  /// The next item that may start of the steps that are under way.
  mutating func takeItem() -> Unit? {
    for position in itemSteps {
      if plan.isStopped(position) {
        let failure = stopFailure(of: position)
        items[position]?.stop(failure)
        settleItems(of: position, isImmediate: false)
      } else if let item = items[position]?.take() {
        return Unit(position: position, item: item)
      }
    }
    return nil
  }

  /// Why a step with `foreach` fails that another step's failure has stopped.
  func stopFailure(of position: Position) -> StepFailure {
    let items = items[position]
    let count = "\(items?.ended ?? 0) of \(items?.values.count ?? 0) items"
    return StepFailure(.operationFailed, "stopped after \(count), because another step has failed")
  }

  /// Takes the result of an item. One that the limits do not allow fails the item.
  mutating func succeed(_ position: Position, item: Int, _ result: OperationResult, isImmediate: Bool) {
    do throws(StepFailure) {
      let outputs: JSONObject
      switch result {
      case .outputs(let object, let notes):
        outputs = object
        try admitItem(.object(object), of: position, noted: notes.reduce(0) { $0 + $1.byteCount })
        for note in notes { batch.log(note) }
      case .stored(let namespace, let data):
        outputs = try store(data, in: namespace, by: position, item: item)
      }
      end(position, item: item, .outputs(outputs), isImmediate: isImmediate)
    } catch {
      end(position, item: item, .failed(error), isImmediate: isImmediate)
    }
  }

  private mutating func admitItem(_ value: JSONValue, of position: Position, noted: Int) throws(StepFailure) {
    let count = try admit(value, repeatedUpTo: 0, noted: noted)
    items[position]?.bytes += count
    // No other item is paid for once their outputs together are too large.
    let limit = budget.limits.step
    if let bytes = items[position]?.bytes, bytes > limit.bytes { items[position]?.stop(.outputs(over: limit)) }
  }

  private mutating func store(
    _ data: JSONValue, in namespace: String, by position: Position, item: Int
  ) throws(StepFailure) -> JSONObject {
    _ = try admit(data, repeatedUpTo: 0, noted: 0)
    budget.addPlace(namespace)
    let count = stores.nextNumber(in: namespace)
    let outputs = JSONObject([("stored_under", .string(namespace)), ("items", .number(JSONNumber(count)))])
    try admitItem(.object(outputs), of: position, noted: 0)
    let unit = StepUnit(step(position).id, item: item)
    batch.store(unit, order: stores.nextOrder, namespace: namespace, value: data.bytes)
    stores.add(namespace, step: unit.name)
    return outputs
  }

  /// Notes how an item has ended. An item of a step that was undone is forgotten.
  mutating func end(_ position: Position, item: Int, _ end: ItemEnd, isImmediate: Bool) {
    guard items[position] != nil else { return }
    var end = end
    if case .failed(let failure) = end { end = .failed(budget.fitting(failure, logBytes: batch.logBytes)) }
    items[position]?.end(item, end)
    batch.item(StepUnit(step(position).id, item: item), end)
    settleItems(of: position, isImmediate: isImmediate)
  }

  /// Ends a step whose items have ended, or has it wait while all that are left wait.
  mutating func settleItems(of position: Position, isImmediate: Bool) {
    guard let items = items[position] else { return }
    if items.isOver {
      if items.ended > items.logged || items.ended == 0 { logProgress(of: position) }
      if let failure = items.failure { return fail(position, failure) }
      // Its outputs take the place of the items that are not written yet.
      budget.release(batch.removeItems(of: step(position).id))
      forgetItems(of: position)
      succeed(position, .outputs(items.outputs), isImmediate: isImmediate)
    } else if items.onlyWaits, let due = items.nextDue {
      plan.wait(position, until: due)
      failBlockedWaits()
    }
  }

  /// Forgets the items of a step that has ended or is undone.
  mutating func forgetItems(of position: Position) {
    guard items.removeValue(forKey: position) != nil else { return }
    itemSteps.removeAll { $0 == position }
  }

  /// Logs how many items have ended of steps of which a hundredth more has.
  mutating func logItems() {
    for position in itemSteps {
      guard let known = items[position], known.ended > known.logged,
        (known.ended - known.logged) * Self.progressParts >= known.values.count
      else { continue }
      logProgress(of: position)
    }
  }

  /// Logs how many items of a step have ended, where the run has room for that.
  private mutating func logProgress(of position: Position) {
    guard let known = items[position] else { return }
    let message = ProgressMessage.stepProgress(
      step: step(position).id, done: known.ended, failed: known.failed, total: known.values.count)
    guard message.byteCount <= budget.room(logBytes: batch.logBytes) else { return }
    items[position]?.logged = known.ended
    batch.log(message)
  }
}
