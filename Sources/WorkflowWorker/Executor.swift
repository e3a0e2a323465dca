import Logging
import Workflow
import WorkflowOperations
import WorkflowStore

/// Executes claimed runs: performs for each run the actions that an ``ExecutionState`` decides on.
struct Executor: Sendable {
  private typealias Event = ExecutionState.Event
  private typealias PendingStep = ExecutionState.PendingStep

  private let registry: OperationRegistry
  private let limits: RunBudget.Limits
  private let activeRuns: ActiveRuns
  private let ended: EndedRuns
  private let clock: RedisClock
  private let send: CheckpointWriter.Send

  /// - Parameters:
  ///   - ended: keeps the batches of runs that have ended.
  ///   - clock: gives the entries of progress logs their times.
  ///   - send: sends a batch to Redis once.
  init(
    registry: OperationRegistry, limits: RunBudget.Limits, activeRuns: ActiveRuns, ended: EndedRuns, clock: RedisClock,
    send: @escaping CheckpointWriter.Send
  ) {
    self.registry = registry
    self.limits = limits
    self.activeRuns = activeRuns
    self.ended = ended
    self.clock = clock
    self.send = send
  }

  /// The names of the operations that it can execute.
  var operations: Set<String> { registry.names }

  /// Executes a run until it has ended, is handed back or is lost.
  func execute(_ run: ClaimedRun, logger: Logger) async {
    let held = HeldRun(id: run.id, token: run.token)
    let writer = CheckpointWriter(held, activeRuns: activeRuns, ended: ended, logger: logger, send: send)
    var state = ExecutionState(run, registry: registry, limits: limits, clock: clock)
    let exit = await withTaskGroup(of: Event.self) { group in
      await perform(&state, held, writer, &group)
    }
    log(exit, logger)
  }

  /// Performs one action after the other until the state leaves the run.
  private func perform(
    _ state: inout ExecutionState, _ held: HeldRun, _ writer: CheckpointWriter, _ group: inout TaskGroup<Event>
  ) async -> ExecutionState.Exit {
    var event: Event?
    while true {
      switch state.next(after: event, stop: activeRuns.stop(of: held)) {
      case .run(let step):
        event = .ended(step.position, await result(of: step.operation, step.invocation))
      case .start(let steps):
        for step in steps { start(step, activeRuns.slot(of: held), &group) }
        event = nil
      case .write(let batch) where group.isEmpty:
        // Nothing else can happen meanwhile, so no task is needed.
        event = .written(await writer.write(batch))
      case .write(let batch):
        group.addTask { .written(await writer.write(batch)) }
        event = nil
      case .wait:
        event = await group.next()
      case .leave(let exit):
        group.cancelAll()
        return exit
      }
    }
  }

  /// Starts a step as a task.
  /// - Parameter slot: the slot of the run, which other runs may use while the step waits for a retry.
  private func start(_ step: PendingStep, _ slot: RunSlot?, _ group: inout TaskGroup<Event>) {
    slot?.begin()
    group.addTask(executorPreference: globalConcurrentExecutor) {
      defer { slot?.end() }
      var invocation = step.invocation
      if let slot { invocation.pause = { try await slot.wait(for: $0) } }
      CommitPoint.beforeCall.pass()
      let result = await result(of: step.operation, invocation)
      if case .success = result { CommitPoint.afterCall.pass() }
      return .ended(step.position, result)
    }
  }

  private func result(
    of operation: any Operation, _ invocation: Invocation
  ) async -> Result<OperationResult, StepError> {
    do {
      return .success(try await operation.run(invocation))
    } catch {
      return .failure(error)
    }
  }

  private func log(_ exit: ExecutionState.Exit, _ logger: Logger) {
    switch exit {
    case .finished: logger.debug("run finished")
    case .failed(let failure):
      logger.notice("run failed", metadata: ["code": "\(failure.code.rawValue)", "error": "\(failure.message)"])
    case .handedBack(let answer): logger.info("handed back: \(answer)")
    case .lost(let why): logger.warning("the run is no longer this worker's: \(why)")
    case .refused(let why, let answer):
      logger.error("the run cannot be recorded: \(why)")
      logger.info("ended as failed: \(answer)")
    }
  }
}

// MARK: Runs that are not executed

extension Executor {
  /// Reads the documents of a run, then executes it.
  func execute(_ run: UnreadRun, from store: RunStore, logger: Logger) async {
    var delay = Duration.milliseconds(100)
    while activeRuns.stop(of: run.run) == nil {
      do {
        return await execute(try await store.read(run), logger: logger)
      } catch {
        guard error.isTransient else {
          return await giveUp(run.run, claimedAt: run.claimedAt, error, logger: logger)
        }
        logger.warning("the documents of the run cannot be read yet: \(error)")
      }
      try? await Task.sleep(for: delay)
      delay = min(delay * 2, .seconds(1))
    }
    guard activeRuns.stop(of: run.run) == .handBack else { return }
    var batch = CheckpointBatch(clock: clock, after: run.claimedAt, logBytes: run.logBytes)
    batch.end = .handedBack(asSuspect: run.isSuspect)
    log(.handedBack(await writer(run.run, logger).write(batch)), logger)
  }

  /// Ends a run as failed whose documents cannot be read, so that it is not claimed again and again.
  func giveUp(_ run: HeldRun, claimedAt: Timestamp, _ error: StoreError, logger: Logger) async {
    var logger = logger
    logger[metadataKey: "job"] = "\(run.id)"
    logger.error("the run cannot be read: \(error)")
    let failure = StepFailure(.operationFailed, "\(error)")
    var batch = CheckpointBatch(clock: clock, after: claimedAt)
    batch.log(.failed(failure))
    batch.end = .failed(failure)
    let answer = await writer(run, logger).write(batch)
    logger.info("ended as failed: \(answer)")
  }

  /// Writes runs again that have ended, and whose end Redis has lost.
  func restore(_ runs: [(run: HeldRun, batches: [CheckpointBatch])], logger: Logger) {
    for (run, history) in runs {
      var logger = logger
      logger[metadataKey: "job"] = "\(run.id)"
      activeRuns.acquire(run, isQuarantined: false) { [logger] in
        let writer = CheckpointWriter(
          run, activeRuns: activeRuns, ended: ended, history: history, logger: logger, send: send)
        let answer = await writer.rewrite()
        logger.notice("Redis had lost the end of the run; written again: \(answer)")
      }
    }
  }

  private func writer(_ run: HeldRun, _ logger: Logger) -> CheckpointWriter {
    CheckpointWriter(run, activeRuns: activeRuns, logger: logger, send: send)
  }
}
