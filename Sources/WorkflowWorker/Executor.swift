import ExactJSON
import Logging
import Metrics
import Tracing
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
  private let texts: TextPublisher
  private let ledger: ModelLedger?
  private let spans: (any SpanRecorder)?
  private let meter: WorkerMeter
  private let recordedEnd: @Sendable (JobID) async -> RecordedEnd?

  /// - Parameters:
  ///   - ended: keeps the batches of runs that have ended.
  ///   - clock: gives the entries of progress logs their times.
  ///   - texts: publishes what models are writing.
  ///   - ledger: counts the calls of models; nil to count none.
  ///   - meter: counts what becomes of runs and steps.
  ///   - spans: takes the spans of runs and steps; nil to write none.
  ///   - recordedEnd: how a run that was lost has ended, by a cancel or its time limit; nil when it has not.
  ///   - send: sends a batch to Redis once.
  init(
    registry: OperationRegistry, limits: RunBudget.Limits, activeRuns: ActiveRuns, ended: EndedRuns, clock: RedisClock,
    texts: TextPublisher, ledger: ModelLedger? = nil, meter: WorkerMeter = WorkerMeter(Meter()),
    spans: (any SpanRecorder)? = nil,
    recordedEnd: @escaping @Sendable (JobID) async -> RecordedEnd? = { _ in .unknown },
    send: @escaping CheckpointWriter.Send
  ) {
    self.registry = registry
    self.limits = limits
    self.activeRuns = activeRuns
    self.ended = ended
    self.clock = clock
    self.texts = texts
    self.ledger = ledger
    self.spans = spans
    self.meter = meter
    self.recordedEnd = recordedEnd
    self.send = send
  }

  /// What runs may require of it: its operations, and the fields that this version knows.
  var abilities: Set<String> { registry.names.union(WorkflowDefinition.newerFields) }

  /// Executes a run until it has ended, is handed back or is lost.
  func execute(_ run: ClaimedRun, logger: Logger) async {
    let trace = RunTrace(run, spans)
    let log = RunLog(logger, run.id, request: run.requestID, trace: trace?.active.context)
    if let waited = run.waited { meter.began(after: waited) }
    let exit = await exit(of: execution(of: run, log, trace))
    trace?.end(exit)
    report(exit, log)
    count(exit, of: run)
    guard case .lost = exit else { return }
    if let end = await recordedEnd(run.id) { trace?.end(end) } else { meter.lost() }
  }

  /// Counts the end of a run.
  @inline(never)
  private func count(_ exit: ExecutionState.Exit, of run: ClaimedRun) {
    switch exit {
    case .finished, .failed, .refused(_, .recorded): meter.ended(after: clock.now - run.startedAt)
    case .lost, .parked, .handedBack, .refused: break
    }
  }

  // Not inlined: what it computes would be part of the frame of the task that waits for the run.
  @inline(never)
  private func execution(of run: ClaimedRun, _ log: RunLog, _ trace: RunTrace?) -> Execution {
    let held = HeldRun(id: run.id, token: run.token)
    return Execution(
      state: ExecutionState(run, registry: registry, limits: limits, clock: clock),
      writer: CheckpointWriter(held, activeRuns: activeRuns, ended: ended, log: log, send: send),
      entry: activeRuns.entry(of: held), spending: RunSpending(run, limits), request: run.requestID, trace: trace)
  }

  @inline(never)
  private func exit(of execution: Execution) async -> ExecutionState.Exit {
    await withTaskGroup(of: Event.self) { group in await perform(execution, &group) }
  }

  /// Performs one action after the other until the state leaves the run.
  private func perform(_ execution: Execution, _ group: inout TaskGroup<Event>) async -> ExecutionState.Exit {
    var event: Event?
    while true {
      let action = execution.next(after: event)
      for start in execution.takeFailedStarts() { note(start, of: execution) }
      if case .written(.recorded)? = event { execution.countEnded { meter.ended($0, $1) } }
      switch action {
      case .run(let step):
        event = .ended(step.unit, await end(of: step, isImmediate: true, in: execution.trace?.attempt(step)))
      case .start(let steps):
        for step in steps { start(step, of: execution, &group) }
        event = nil
      case .write(let batch) where group.isEmpty:
        // Nothing else can happen meanwhile, so no task is needed.
        event = .written(await execution.writer.write(batch))
      case .write(let batch):
        group.addTask { [writer = execution.writer] in .written(await writer.write(batch)) }
        event = nil
      case .wait(let time):
        if let time { group.addTask { await Self.alarm(after: time) } }
        event = await group.next()
        if case .part = event, let parts = execution.parts { group.addTask { await Self.part(of: parts) } }
      case .leave(let exit):
        group.cancelAll()
        return exit
      }
    }
  }

  /// Counts an attempt that could not begin, and writes its span.
  @inline(never)
  private func note(_ start: FailedStart, of execution: Execution) {
    meter.attempted(start.operation, .failed(start.failure.code), took: .zero)
    execution.trace?.attempt(start).end(.failure(.failed(start.failure)))
  }

  private static func alarm(after time: Duration) async -> Event {
    try? await Task.sleep(for: time)
    return .due
  }

  private static func part(of parts: PartMailbox) async -> Event { await parts.next().map { .part($0) } ?? .due }

  /// Starts a step as a task.
  @inline(never)
  private func start(_ step: PendingStep, of execution: Execution, _ group: inout TaskGroup<Event>) {
    let unit = StepUnit(step.invocation.step, item: step.invocation.item)
    let text = texts.text(of: unit, in: execution.writer.run, step.invocation.attempt)
    let trace = execution.trace?.attempt(step)
    let parts = step.operation.recordsParts ? partMailbox(of: execution, &group) : nil
    let started = step.adding { invocation in
      invocation.onText = { text.append($0) }
      invocation.trace = trace?.active
      invocation.request = execution.request
      invocation.account = ledger.map { AttemptAccount(execution.spending, unit, $0) }
      guard let parts else { return }
      invocation.parts = invocation.parts.recording { [unit = step.unit] number, total, outputs in
        await parts.record(unit, number, total, outputs)
      }
    }
    group.addTask(executorPreference: globalConcurrentExecutor) {
      defer { text.end() }
      CommitPoint.beforeCall.pass()
      let end = await end(of: started, isImmediate: false, in: trace)
      if case .succeeded = end { CommitPoint.afterCall.pass() }
      return .ended(started.unit, end)
    }
  }

  /// Gets the parts that steps of a run want to have recorded.
  private func partMailbox(of execution: Execution, _ group: inout TaskGroup<Event>) -> PartMailbox {
    if let parts = execution.parts { return parts }
    let parts = PartMailbox()
    execution.parts = parts
    group.addTask { await Self.part(of: parts) }
    return parts
  }

  /// Makes an attempt of a step.
  private func end(
    of step: PendingStep, isImmediate: Bool, in trace: AttemptTrace?
  ) async -> ExecutionState.AttemptEnd {
    let began = ContinuousClock.now
    let result = isImmediate ? await result(of: step.operation, step.invocation) : await result(of: step)
    let time = ContinuousClock.now - began
    var end = ExecutionState.AttemptEnd.cancelled
    var outcome = WorkerMeter.AttemptOutcome.cancelled
    switch result {
    case .success(let result): (end, outcome) = (.succeeded(result), .succeeded)
    case .failure(.cancelled): break
    case .failure(.failed(let failure)):
      end = step.end(after: failure, spent: time, at: clock.now, random: .random(in: 0...1))
      // A call that waits for its turn was no attempt: that comes later, under this number.
      if case .repeats(let next, _) = end, next.failed < step.invocation.attempt { return end }
      outcome = .failed(failure.code)
    }
    trace?.end(result)
    meter.attempted(step.operation.name, outcome, took: time)
    return end
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

  /// The result of an attempt that may take only so long: an operation that takes longer is cancelled.
  private func result(of step: PendingStep) async -> Result<OperationResult, StepError> {
    guard let timeout = step.options.timeout else { return await result(of: step.operation, step.invocation) }
    let outcome = await withDeadline(.seconds(timeout.double)) { await result(of: step.operation, step.invocation) }
    if let outcome { return outcome }
    return .failure(.failed(StepFailure(.timeout, "the attempt took longer than \(timeout.text) s (timeout_s)")))
  }

  @inline(never)
  private func report(_ exit: ExecutionState.Exit, _ log: RunLog) {
    switch exit {
    case .finished: log.write(.debug, "run finished")
    case .failed(let failure):
      log.write(.notice, "run failed", ["code": failure.code.rawValue, "error": failure.message])
    case .parked(let due): log.write(.debug, "the run waits for \((due - RedisClock.uptime).inSeconds)")
    case .handedBack(let answer): log.write(.info, "handed back: \(answer)")
    case .lost(let why): log.write(.notice, "the run is no longer this worker's: \(why)")
    case .refused(let why, let answer):
      log.write(.error, "the run cannot be recorded: \(why)")
      log.write(.info, "ended as failed: \(answer)")
    }
  }
}

// MARK: Runs that are not executed

extension Executor {
  /// Reads the documents of a run, then executes it.
  func execute(_ run: UnreadRun, from store: RunStore, logger: Logger) async {
    let log = RunLog(logger, run.run.id, request: run.requestID)
    var delay = Duration.milliseconds(100)
    while activeRuns.stop(of: run.run) == nil {
      do {
        return await execute(try await store.read(run), logger: logger)
      } catch {
        guard error.isTransient else {
          return await giveUp(run.run, claimedAt: run.claimedAt, request: run.requestID, error, logger: logger)
        }
        log.write(.warning, "the documents of the run cannot be read yet: \(error)")
      }
      try? await Task.sleep(for: delay)
      delay = min(delay * 2, .seconds(1))
    }
    guard let stop = activeRuns.stop(of: run.run), stop != .lost else { return }
    var batch = CheckpointBatch(clock: clock, after: run.claimedAt, logBytes: run.logBytes)
    batch.end = .handedBack(asSuspect: run.isSuspect)
    report(.handedBack(await writer(run.run, log).write(batch)), log)
  }

  /// Ends a run as failed whose documents cannot be read, so that it is not claimed again and again.
  func giveUp(
    _ run: HeldRun, claimedAt: Timestamp, request: String? = nil, _ error: StoreError, logger: Logger
  ) async {
    let log = RunLog(logger, run.id, request: request)
    log.write(.error, "the run cannot be read: \(error)")
    let failure = StepFailure(.operationFailed, "\(error)")
    var batch = CheckpointBatch(clock: clock, after: claimedAt)
    batch.log(.failed(failure))
    batch.end = .failed(failure)
    batch.hasEndOptions = true
    let answer = await writer(run, log).write(batch)
    log.write(.info, "ended as failed: \(answer)")
  }

  /// Writes runs again that have ended, and whose end Redis has lost.
  func restore(_ runs: [(run: HeldRun, batches: [CheckpointBatch])], logger: Logger) {
    for (run, history) in runs {
      let log = RunLog(logger, run.id)
      activeRuns.acquire(run, isQuarantined: false) {
        let writer = CheckpointWriter(
          run, activeRuns: activeRuns, ended: ended, history: history, log: log, send: send)
        let answer = await writer.rewrite()
        log.write(.notice, "Redis had lost the end of the run; written again: \(answer)")
      }
    }
  }

  private func writer(_ run: HeldRun, _ log: RunLog) -> CheckpointWriter {
    CheckpointWriter(run, activeRuns: activeRuns, log: log, send: send)
  }
}
