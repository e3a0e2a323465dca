import Tracing
import Workflow
import WorkflowOperations
import WorkflowStore

/// The trace of a run that a worker executes, and the span of the run.
final class RunTrace: Sendable {
  /// The trace with the run's span.
  let active: ActiveTrace
  private let start: UInt64
  private let attributes: [Span.Attribute]

  /// The trace of a run: the one that it came with, or, where spans are written, one that begins with it. Nil for a run
  /// without one whose spans nothing takes.
  init?(_ run: ClaimedRun, _ spans: (any SpanRecorder)?) {
    guard run.trace != nil || spans != nil else { return nil }
    let (job, generation) = (run.id.description, "\(run.generation)")
    if let trace = run.trace {
      active = ActiveTrace(trace, recorder: spans).child("run", job, generation)
    } else if let spans, let id = TraceID(hex: job) {
      active = ActiveTrace(beginning: id, "run", job, generation, recorder: spans)
    } else {
      return nil
    }
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

  /// The span of a callback of a run, which a worker sends that has not executed it.
  static func callback(_ callback: StoredCallback, _ spans: (any SpanRecorder)?) -> ActiveTrace? {
    let suffix = callback.id.utf8.count > 37 ? String(callback.id.dropFirst(37)) : "0"
    let outer: ActiveTrace
    if let trace = callback.trace.flatMap({ TraceContext(line: $0) }) {
      outer = ActiveTrace(trace, recorder: spans).child("run", callback.job, suffix)
    } else if let spans, let id = TraceID(hex: callback.job) {
      outer = ActiveTrace(beginning: id, "run", callback.job, suffix, recorder: spans)
    } else {
      return nil
    }
    return outer.child("callback", callback.id, "\(callback.attempts)")
  }

  /// The trace of an attempt of a step.
  func attempt(_ step: ExecutionState.PendingStep) -> AttemptTrace { AttemptTrace(step, in: active) }

  /// Writes the span of the run, if it has ended.
  func end(_ exit: ExecutionState.Exit) {
    switch exit {
    case .finished: active.record("run", .internal, from: start, attributes)
    case .failed(let failure):
      let all = attributes + [("error.type", .text(failure.code.rawValue))]
      active.record("run", .internal, from: start, all, failure: failure.message)
    case .parked, .handedBack, .lost, .refused: break
    }
  }
}

/// The span of an attempt of a step.
final class AttemptTrace: Sendable {
  /// The trace with the attempt's span.
  let active: ActiveTrace
  private let start = Span.now
  private let name: String
  private let attributes: [Span.Attribute]

  fileprivate init(_ step: ExecutionState.PendingStep, in run: ActiveTrace) {
    let invocation = step.invocation
    let item = invocation.item.map { "\($0)" } ?? ""
    active = run.child("step", invocation.step, item, "\(invocation.attempt)")
    name = "step \(step.operation.name)"
    guard run.isRecorded else {
      attributes = []
      return
    }
    attributes =
      [
        ("wf.job.id", .text(invocation.job)), ("wf.step.id", .text(invocation.step)),
        ("wf.step.operation", .text(step.operation.name)), ("wf.step.attempt", .number(invocation.attempt)),
      ] + (invocation.item.map { [("wf.step.item", .number($0))] } ?? [])
  }

  /// Writes the span.
  func end(_ result: Result<OperationResult, StepError>) {
    switch result {
    case .success: active.record(name, .internal, from: start, attributes)
    case .failure(.cancelled):
      active.record(
        name, .internal, from: start, attributes + [("error.type", .text("cancelled"))], failure: "cancelled")
    // A call that waits for its turn was no attempt: that comes later, under this number.
    case .failure(.failed(let failure)) where failure.details.waitsFor != nil: break
    case .failure(.failed(let failure)):
      let all = attributes + [("error.type", .text(failure.code.rawValue))]
      active.record(name, .internal, from: start, all, failure: failure.message)
    }
  }
}
