public import Logging
public import Tracing
public import Workflow

/// Whom a model is called for: what a log line says of it.
public struct ModelCaller: Sendable {
  /// The run.
  public var job: String
  /// The step.
  public var step: String
  /// The id of the request that submitted the run; nil where it is not known.
  public var request: String?
  /// The trace, with the span of the attempt; nil where there is none.
  public var trace: TraceContext?

  /// A step of a run.
  public init(job: String, step: String, request: String? = nil, trace: TraceContext? = nil) {
    (self.job, self.step, self.request, self.trace) = (job, step, request, trace)
  }

  fileprivate var metadata: Logger.Metadata {
    var metadata: Logger.Metadata = ["job": "\(job)", "step": "\(step)"]
    if let request { metadata["request"] = "\(request)" }
    if let trace { (metadata["trace_id"], metadata["span_id"]) = ("\(trace.traceID)", "\(trace.parent)") }
    return metadata
  }
}

/// Logs failed model calls with the provider's message, the run and the step.
///
/// A repeated cause is logged once a minute, with the count of suppressed lines.
public final class ModelLog: Sendable {
  private struct Cause: Hashable {
    let what: String
    let code: ErrorCode
    let status: Int?
  }

  private let logger: Logger
  private let causes: RepeatedCauses<Cause>

  /// - Parameter now: the clock, for tests.
  public init(_ logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.logger = logger
    causes = RepeatedCauses(now: now)
  }

  /// Logs that a model has refused a parameter, so that further calls have another form.
  /// - Parameter isUnlimited: whether nothing bounds its answers any more.
  func adapted(_ model: String, _ difference: String, isUnlimited: Bool) {
    logger.log(
      level: isUnlimited ? .warning : .notice, "the model refuses a parameter; further calls have another form",
      metadata: ["model": "\(model)", "form": "\(difference)"])
  }

  /// Logs a failed call that may be repeated.
  public func failed(_ caller: ModelCaller, _ failure: StepFailure, attempt: Int) {
    log("a model call failed", failure, at: .notice, caller, ["attempt": "\(attempt)"])
  }

  /// Logs that a model has failed permanently.
  /// - Parameter isPlaceholder: whether the placeholder's summary is used instead; else the step has failed.
  public func failed(_ caller: ModelCaller, _ failure: StepFailure, isPlaceholder: Bool) {
    let what = isPlaceholder ? "the model failed; the placeholder summarized" : "the model failed, and with it the step"
    log(what, failure, at: .warning, caller)
  }

  private func log(
    _ what: String, _ failure: StepFailure, at level: Logger.Level, _ caller: ModelCaller,
    _ more: Logger.Metadata = [:]
  ) {
    let details = failure.details
    guard let suppressed = causes.admit(Cause(what: what, code: failure.code, status: details.status)) else { return }
    var metadata = caller.metadata.merging(more) { $1 }
    metadata["code"] = "\(failure.code.rawValue)"
    metadata["error"] = "\(failure.message)\(details.logText.isEmpty ? "" : " (\(details.logText))")"
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.log(level: level, "\(what)", metadata: metadata)
  }
}
