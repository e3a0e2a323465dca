import Logging
import Workflow
import WorkflowOperations
import WorkflowStore

/// Runs one claimed run: its steps in parallel as far as their dependencies allow, at most one write in flight.
///
/// What steps produce while a write is in flight goes together in the next one (group commit). An operation that is
/// immediate runs in place; any other starts only after Redis has recorded that it starts, so that a worker's death under
/// it is counted, and so that nothing new starts while Redis is away or the claim is lost. What such a step returned is
/// recorded before its dependents start.
struct Executor: Sendable {
  let registry: OperationRegistry
  let limits: RunBudget.Limits
  let hands: RunsInHand
  let records: GroupCommit
  let ended: EndedRuns
  let clock: RedisClock

  private enum Event: Sendable {
    case ended(Int, StepOutcome)
    case written(WriteOutcome, CheckpointBatch, begun: [Beginning])
  }

  /// A step that waits for its start to be recorded.
  private struct Beginning: Sendable {
    let position: Int
    let operation: any Operation
    let invocation: Invocation
  }

  /// Runs a run to its end, or until it is handed back or lost.
  func execute(_ run: ClaimedRun, logger: Logger) async {
    let held = HeldRun(id: run.id, token: run.token)
    let writer = CheckpointWriter(records, run: held, hands: hands, ended: ended, logger: logger)
    var execution = RunExecution(run, limits: limits, clock: clock)
    let end = await withTaskGroup(of: Event.self) { group in
      await drive(&execution, held, writer, &group)
    }
    if case .over = end { return log(execution, logger) }
    await leave(&execution, held, end, writer, logger)
  }

  /// Writes runs again that have ended, and whose end Redis has lost.
  func restore(_ runs: [(run: HeldRun, records: [CheckpointBatch])], logger: Logger) {
    for (run, history) in runs {
      var logger = logger
      logger[metadataKey: "job"] = "\(run.id)"
      hands.take(run, isSuspect: false) { [logger] in
        let writer = CheckpointWriter(records, run: run, hands: hands, ended: ended, history: history, logger: logger)
        let answer = await writer.rewrite()
        logger.notice("Redis had lost the end of the run; written again: \(answer)")
      }
    }
  }

  /// An operation that a run still needs and that this worker does not have; nil when it can run all its steps.
  func missingOperation(of run: ClaimedRun) -> String? {
    run.definition.steps.first { registry[$0.op] == nil && run.recorded[$0.id] == nil }?.op
  }

  /// Returns a run to the tail of its queue, for workers that have its operations. Nothing is written to its log.
  func decline(_ run: ClaimedRun, logger: Logger) async {
    let held = HeldRun(id: run.id, token: run.token)
    var record = CheckpointBatch(clock: clock, after: run.claimedAt, logBytes: run.logBytes)
    record.end = .declined(asSuspect: run.isSuspect)
    let answer = await CheckpointWriter(records, run: held, hands: hands, logger: logger).write(record)
    logger.debug("returned to the queue for other workers: \(answer)")
  }

  private enum End {
    case over
    case stopped(RunsInHand.Stop)
    case refused(String)
    case lost(String)
  }

  /// What the loop of one run keeps from event to event.
  private struct Progress {
    /// Whether a record is in flight while steps run.
    var isWriting = false
    /// Attempts of steps that run as tasks of their own.
    var attempts = 0
    /// Steps whose start is in no record yet.
    var beginnings: [Beginning] = []
  }

  private func drive(
    _ execution: inout RunExecution, _ held: HeldRun, _ writer: CheckpointWriter, _ group: inout TaskGroup<Event>
  ) async -> End {
    var progress = Progress()
    while true {
      let stop = hands.stop(of: held)
      if stop == nil { progress.beginnings += await startReady(&execution, held) }
      var event: Event?
      if stop != .lost, !progress.isWriting, let record = execution.takeRecord() {
        let begun = progress.beginnings
        progress.beginnings = []
        if progress.attempts == 0 {
          // Nothing else can happen meanwhile: no task of its own is needed.
          event = .written(await writer.write(record), record, begun: begun)
        } else {
          progress.isWriting = true
          group.addTask { [record] in .written(await writer.write(record), record, begun: begun) }
        }
      }
      if event == nil, let stop, !progress.isWriting, progress.attempts == 0 { return .stopped(stop) }
      if event == nil { event = await group.next() }
      // Only steps that are not those which were submitted, because someone changed Redis, leave a run here.
      guard let event else { return .refused("none of the steps that are left can start: each waits for another") }
      if let end = take(event, &execution, &progress, held, &group) { return end }
    }
  }

  /// Takes note of an event, and starts the steps whose start it records.
  /// - Returns: how the run ends, if it does.
  private func take(
    _ event: Event, _ execution: inout RunExecution, _ progress: inout Progress, _ held: HeldRun,
    _ group: inout TaskGroup<Event>
  ) -> End? {
    switch event {
    case .ended(let position, let outcome):
      progress.attempts -= 1
      execution.end(position, outcome)
    case .written(.recorded, let record, _) where record.end != nil:
      return .over
    case .written(.recorded, let record, let begun):
      progress.isWriting = false
      execution.noteRecorded()
      if record.hasCheckpoint { hands.acquit(held) }
      if hands.stop(of: held) == nil { for beginning in begun { start(beginning, &progress, held, &group) } }
    case .written(.refused(let why, let namespace?), let record, let begun):
      progress.isWriting = false
      let notBegun = (begun + progress.beginnings).map(\.position)
      execution.refuse(record, store: namespace, why, notBegun: notBegun)
      progress.beginnings = []
    case .written(.refused(let why, nil), _, _):
      group.cancelAll()
      return .refused(why)
    case .written(.lost(let why), _, _):
      group.cancelAll()
      return .lost(why)
    case .written(.behind(let known), _, _):
      group.cancelAll()
      return .lost("Redis knows its records only up to number \(known)")
    }
    return nil
  }

  private func start(
    _ beginning: Beginning, _ progress: inout Progress, _ held: HeldRun, _ group: inout TaskGroup<Event>
  ) {
    progress.attempts += 1
    let slot = hands.slot(of: held)
    slot?.begin()
    group.addTask(executorPreference: globalConcurrentExecutor) {
      .ended(beginning.position, await attempt(beginning, held, in: slot))
    }
  }

  /// Starts every step that may start. Immediate ones run in place, and after them those that they make ready.
  /// - Returns: the others, to be run once their start is recorded.
  private func startReady(_ execution: inout RunExecution, _ held: HeldRun) async -> [Beginning] {
    var beginnings: [Beginning] = []
    while let position = execution.takeReady() {
      let step = execution.step(position)
      do throws(StepFailure) {
        guard let operation = registry[step.op] else {
          throw StepFailure(.operationFailed, "this worker has no operation \(step.op)")
        }
        let (invocation, bytes) = try execution.invocation(position, schema: operation.parameters)
        let beginning = Beginning(position: position, operation: operation, invocation: invocation)
        if operation.isImmediate {
          execution.begin(position, parameterBytes: nil)
          execution.end(position, await attempt(beginning, held))
        } else if execution.hasRoom(forParameters: bytes) {
          execution.begin(position, parameterBytes: bytes)
          beginnings.append(beginning)
        } else {
          execution.putBack()
          break
        }
      } catch {
        execution.begin(position, parameterBytes: nil)
        execution.end(position, .failed(error))
      }
    }
    return beginnings
  }

  /// - Parameter slot: the run's slot, which it leaves to other runs while the operation only waits.
  private func attempt(_ beginning: Beginning, _ held: HeldRun, in slot: RunSlot? = nil) async -> StepOutcome {
    defer { slot?.end() }
    do {
      if beginning.operation.isImmediate {
        return .succeeded(try await beginning.operation.run(beginning.invocation))
      }
      CommitPoint.beforeCall.pass()
      var invocation = beginning.invocation
      if let slot { invocation.pause = { try await slot.wait(for: $0) } }
      let result = try await beginning.operation.run(invocation)
      CommitPoint.afterCall.pass()
      return .succeeded(result)
    } catch {
      switch error {
      case .failed(let failure): return .failed(failure)
      case .cancelled where hands.stop(of: held) != nil: return .cancelled
      case .cancelled:
        return .failed(StepFailure(.operationFailed, "the operation says it was cancelled, but nothing stops the run"))
      }
    }
  }

  private func leave(
    _ execution: inout RunExecution, _ held: HeldRun, _ end: End, _ writer: CheckpointWriter, _ logger: Logger
  ) async {
    switch end {
    case .over: break
    case .stopped(.handBack):
      let answer = await writer.write(execution.takeHandBack(asSuspect: hands.isSuspect(held)))
      logger.info("handed back: \(answer)")
    case .stopped(.lost):
      logger.warning("the lease is lost; another worker goes on with the run")
    case .lost(let why):
      logger.warning("the run is not this worker's any more: \(why)")
    case .refused(let why):
      logger.error("the run cannot be recorded: \(why)")
      let answer = await writer.write(execution.takeEnd(.operationFailed, why))
      logger.info("ended as failed: \(answer)")
    }
  }

  private func log(_ execution: RunExecution, _ logger: Logger) {
    if let failure = execution.failure {
      logger.notice("run failed", metadata: ["code": "\(failure.code.rawValue)", "error": "\(failure.message)"])
    } else {
      logger.debug("run finished")
    }
  }
}
