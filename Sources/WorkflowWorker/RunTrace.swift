import Tracing
import Workflow
import WorkflowOperations
import WorkflowStore

/// The trace of a run that a worker executes, and the span of the run.
final class RunTrace: Sendable {
  /// The trace with the run's span.
  let active: ActiveTrace
  private let job: String
  private let start: UInt64
  private let attributes: [Span.Attribute]

  /// The trace of a run: the one that it came with, or, where spans are written, one that begins with it. Nil for a run
  /// without one whose spans nothing takes.
  init?(_ run: ClaimedRun, _ spans: (any SpanRecorder)?) {
    guard run.trace != nil || spans != nil else { return nil }
    let job = run.id.description
    guard let active = Self.active(run.trace, job: job, "\(run.generation)", spans) else { return nil }
    self.active = active
    self.job = job
    // A run that is run again begins when it is taken.
    let began = run.generation == 0 ? run.createdAt ?? run.claimedAt : run.claimedAt
    start = UInt64(began.microseconds) * 1_000
    attributes =
      active.isRecorded
      ? [
        ("wf.job.id", .text(job)), ("wf.run.name", .text(run.definition.runName)),
        ("wf.run.generation", .number(run.generation)),
      ] + (run.owner.map { [("wf.owner", .text($0))] } ?? []) : []
  }

  /// The trace with the span of the run that a callback is of: the worker that sends it may not have executed the run.
  static func active(of callback: StoredCallback, _ spans: (any SpanRecorder)?) -> ActiveTrace? {
    let generation = callback.id.utf8.count > 37 ? String(callback.id.dropFirst(37)) : "0"
    return active(callback.trace.flatMap { TraceContext(line: $0) }, job: callback.job, generation, spans)
  }

  private static func active(
    _ trace: TraceContext?, job: String, _ generation: String, _ spans: (any SpanRecorder)?
  ) -> ActiveTrace? {
    if let trace { return ActiveTrace(trace, recorder: spans).child("run", job, generation) }
    guard let spans, let id = TraceID(hex: job) else { return nil }
    return ActiveTrace(beginning: id, "run", job, generation, recorder: spans)
  }

  /// The trace of an attempt of a step.
  func attempt(_ step: ExecutionState.PendingStep) -> AttemptTrace {
    let call = step.invocation
    return AttemptTrace(step.operation.name, job, call.step, call.item, call.attempt, in: active)
  }

  /// The trace of an attempt that could not begin.
  func attempt(_ start: FailedStart) -> AttemptTrace {
    AttemptTrace(start.operation, job, start.step, start.item, start.attempt, in: active)
  }

  /// Writes the span of the run, if it has ended.
  func end(_ exit: ExecutionState.Exit) {
    switch exit {
    case .finished: active.record("run", .internal, from: start, attributes)
    case .failed(let failure): fail(failure.code.rawValue, failure.message)
    case .refused(let why, .recorded): fail(ErrorCode.operationFailed.rawValue, why)
    case .parked, .handedBack, .lost, .refused: break
    }
  }

  /// Writes the span of the run, which something else has ended.
  func end(_ end: RecordedEnd) {
    switch end {
    case .cancelled: fail("cancelled", "cancelled")
    case .failed(let code, let message): fail(code, message)
    // The worker that has finished it writes the span.
    case .finished, .unknown: break
    }
  }

  private func fail(_ type: String, _ message: String) {
    active.record("run", .internal, from: start, attributes + [("error.type", .text(type))], failure: message)
  }
}

/// The span of an attempt of a step.
final class AttemptTrace: Sendable {
  /// The trace with the attempt's span.
  let active: ActiveTrace
  private let start = Span.now
  private let name: String
  private let attributes: [Span.Attribute]

  fileprivate init(
    _ operation: String, _ job: String, _ step: String, _ item: Int?, _ attempt: Int, in run: ActiveTrace
  ) {
    active = run.child("step", step, item.map { "\($0)" } ?? "", "\(attempt)")
    name = "step \(operation)"
    guard run.isRecorded else {
      attributes = []
      return
    }
    attributes =
      [
        ("wf.job.id", .text(job)), ("wf.step.id", .text(step)), ("wf.step.operation", .text(operation)),
        ("wf.step.attempt", .number(attempt)),
      ] + (item.map { [("wf.step.item", .number($0))] } ?? [])
  }

  /// Writes the span.
  func end(_ result: Result<OperationResult, StepError>) {
    switch result {
    case .success: active.record(name, .internal, from: start, attributes)
    case .failure(.cancelled):
      active.record(
        name, .internal, from: start, attributes + [("error.type", .text("cancelled"))], failure: "cancelled")
    case .failure(.failed(let failure)):
      let all = attributes + [("error.type", .text(failure.code.rawValue))]
      active.record(name, .internal, from: start, all, failure: failure.message)
    }
  }
}
