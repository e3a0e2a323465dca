import Workflow
import WorkflowStore

extension RunProgress {
  /// The batch to be written now, with the end of the run if every step has ended; nil when there is nothing to write.
  /// - Parameter hasStepInFlight: whether a step is starting or running that may take the worker down with it.
  /// - Parameter isNeeded: whether a batch is written even if nothing is new, because something starts with it.
  mutating func takeBatch(hasStepInFlight: Bool, isNeeded: Bool = false) -> CheckpointBatch? {
    recordSkips()
    logItems()
    if plan.isOver {
      close()
    } else if let due = parkTime {
      batch.end = .parked(until: due)
    }
    guard isNeeded || !batch.isEmpty else { return nil }
    batch.hasStepInFlight = hasStepInFlight
    beingRecorded = unrecorded
    unrecorded = []
    (parts.beingRecorded, parts.unrecorded) = (parts.unrecorded, [])
    defer { batch = batch.next }
    return batch
  }

  /// Confirms that the batch which was taken last is written: the dependents of its steps may start.
  mutating func confirm() {
    for position in beingRecorded { plan.end(taken: position, .done) }
    beingRecorded = []
    confirmParts()
  }

  /// Undoes the steps that stored values where nothing can be stored: they fail, and their dependents are undone. The
  /// next batch contains the rest of the refused one.
  /// - Parameters:
  ///   - refused: the batch of which nothing was written.
  ///   - namespace: the store that refused a value.
  ///   - notStarted: steps that were taken and have not started; no further step starts.
  mutating func undo(_ refused: CheckpointBatch, store namespace: String, _ why: String, notStarted: [Unit]) {
    let failed = Set(
      (refused.items + batch.items).compactMap { item -> Position? in
        guard case .stored(let unit, _, let name, _) = item, name.utf8.elementsEqual(namespace.utf8) else { return nil }
        return plan.graph.ids.firstIndex(of: unit.step)
      }
    ).sorted()
    for unit in notStarted { if let item = unit.item { items[unit.position]?.putBack(item) } }
    let notStarted = notStarted.filter { $0.item == nil }.map(\.position)
    let dependents = plan.graph.allDependents(of: failed)
    uncounted.removeAll { failed.contains($0.position) || dependents.contains($0.position) }
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
    (parts.unrecorded, parts.beingRecorded) = (parts.beingRecorded + parts.unrecorded, [])
    for position in notStarted { plan.cancel(position) }
    for position in dependents.union(failed) { scope.remove(step(position).id) }
    done.removeAll { undoneSteps.contains($0) || failedSteps.contains($0) }
    stores.remove(failedSteps.union(undoneSteps))
    if let failedStep, undoneSteps.contains(failedStep) { (self.failedStep, failure) = (nil, nil) }
    for position in failed { logFailure(position, StepFailure(.operationFailed, why)) }
    for position in dependents.union(failed) {
      attempts[position] = nil
      forgetItems(of: position)
    }
    plan.revoke(failed.map { ($0, step($0).options.isOptional) }, dependents: dependents)
  }

  /// Hands out the operations of the steps that have ended since the last call, and how they have.
  mutating func countEnded(_ count: (_ op: String, _ outcome: WorkerMeter.StepOutcome) -> Void) {
    // By index, since a copy would have the array allocated again for the next step.
    for index in uncounted.indices { count(step(uncounted[index].position).op, uncounted[index].outcome) }
    uncounted.removeAll(keepingCapacity: true)
  }

  private mutating func close() {
    batch.runDocumentBytes = budget.documents
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
    batch.log(.failed(failure))
    batch.end = .failed(failure)
    return batch
  }
}
