import Logging
import Workflow
import WorkflowOperations
import WorkflowStore

/// Runs one claimed run: its steps in parallel as far as their dependencies allow, at most one write in flight.
///
/// What steps produce while a write is under way goes together in the next one (group commit). An operation that is
/// immediate runs in place; any other begins only after Redis has noted that it begins, so that a worker's death under
/// it is counted, and so that nothing new begins while Redis is away or the claim is lost.
struct Executor: Sendable {
  let registry: OperationRegistry
  let limits: RunExecution.Limits
  let hands: RunsInHand
  let records: RecordGroup
  let clock: RedisClock

  private enum Event: Sendable {
    case ended(Int, StepOutcome)
    case written(RecordAnswer, RunRecord, begun: [Beginning])
  }

  /// A step that waits for its beginning to be recorded.
  private struct Beginning: Sendable {
    let position: Int
    let operation: any Operation
    let invocation: Invocation
  }

  /// Runs a run to its end, or until it is handed back or lost.
  func execute(_ run: ClaimedRun, logger: Logger) async {
    let held = HeldRun(id: run.id, token: run.token)
    let writer = RunWriter(records, run: held, hands: hands, logger: logger)
    var execution = RunExecution(run, limits: limits, clock: clock)
    let end = await withTaskGroup(of: Event.self) { group in
      await drive(&execution, held, writer, &group)
    }
    if case .over = end { return log(execution, logger) }
    await leave(&execution, held, end, writer, logger)
  }

  private enum End {
    case over
    case stopped(RunsInHand.Stop)
    case refused(String)
    case lost(String)
  }

  private func drive(
    _ execution: inout RunExecution, _ held: HeldRun, _ writer: RunWriter, _ group: inout TaskGroup<Event>
  ) async -> End {
    var isWriting = false
    var underWay = 0
    var beginnings: [Beginning] = []
    while true {
      let stop = hands.stop(of: held)
      if stop == nil { beginnings += await startReady(&execution) }
      var written: Event?
      if stop != .lost, !isWriting, let record = execution.takeRecord() {
        let begun = beginnings
        beginnings = []
        if underWay == 0 {
          // Nothing else can happen meanwhile, so nobody need wait for it beside.
          written = .written(await writer.write(record), record, begun: begun)
        } else {
          isWriting = true
          group.addTask { [record] in .written(await writer.write(record), record, begun: begun) }
        }
      }
      if written == nil, let stop, !isWriting, underWay == 0 { return .stopped(stop) }
      let next = if let written { written } else { await group.next() }
      guard let event = next else {
        preconditionFailure("a run that is not over has a step under way or a write in flight")
      }
      switch event {
      case .ended(let position, let outcome):
        underWay -= 1
        execution.end(position, outcome)
      case .written(.recorded, let record, _) where record.end != nil:
        return .over
      case .written(.recorded, let record, let begun):
        isWriting = false
        if record.hasCheckpoint { hands.acquit(held) }
        guard hands.stop(of: held) == nil else { continue }
        for beginning in begun {
          underWay += 1
          group.addTask(executorPreference: globalConcurrentExecutor) {
            .ended(beginning.position, await attempt(beginning))
          }
        }
      case .written(.lost(let why), _, _):
        group.cancelAll()
        return .lost(why)
      case .written(.refused(let why, let namespace?), let record, let begun):
        isWriting = false
        execution.refuse(record, store: namespace, why, notBegun: (begun + beginnings).map(\.position))
        beginnings = []
      case .written(.refused(let why, nil), _, _):
        group.cancelAll()
        return .refused(why)
      }
    }
  }

  /// Starts every step that may start. Immediate ones are run on the spot, and with them those that they set free.
  private func startReady(_ execution: inout RunExecution) async -> [Beginning] {
    var beginnings: [Beginning] = []
    while let position = execution.takeReady() {
      let step = execution.step(position)
      guard let operation = registry[step.op] else {
        execution.begin(position, mayCrash: false)
        let failure = StepFailure(.operationFailed, "this worker has no operation \(step.op)")
        execution.end(position, .failed(failure))
        continue
      }
      execution.begin(position, mayCrash: !operation.isImmediate)
      do {
        let invocation = try execution.invocation(position, schema: operation.parameters)
        let beginning = Beginning(position: position, operation: operation, invocation: invocation)
        if operation.isImmediate {
          execution.end(position, await attempt(beginning))
        } else {
          beginnings.append(beginning)
        }
      } catch {
        execution.end(position, .failed(error))
      }
    }
    return beginnings
  }

  private func attempt(_ beginning: Beginning) async -> StepOutcome {
    do {
      if beginning.operation.isImmediate {
        return .succeeded(try await beginning.operation.run(beginning.invocation))
      }
      CommitPoint.beforeCall.pass()
      let result = try await beginning.operation.run(beginning.invocation)
      CommitPoint.afterCall.pass()
      return .succeeded(result)
    } catch {
      switch error {
      case .failed(let failure): return .failed(failure)
      case .cancelled: return .cancelled
      }
    }
  }

  private func leave(
    _ execution: inout RunExecution, _ held: HeldRun, _ end: End, _ writer: RunWriter, _ logger: Logger
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
      logger.info("run finished")
    }
  }
}
