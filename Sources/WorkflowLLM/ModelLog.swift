public import Logging
public import Workflow

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
  public func failed(job: String, step: String, _ failure: StepFailure, attempt: Int) {
    log("a model call failed", failure, at: .notice, ["job": "\(job)", "step": "\(step)", "attempt": "\(attempt)"])
  }

  /// Logs that a model has failed permanently.
  /// - Parameter isPlaceholder: whether the placeholder's summary is used instead; else the step has failed.
  public func failed(job: String, step: String, _ failure: StepFailure, isPlaceholder: Bool) {
    let what = isPlaceholder ? "the model failed; the placeholder summarized" : "the model failed, and with it the step"
    log(what, failure, at: .warning, ["job": "\(job)", "step": "\(step)"])
  }

  private func log(_ what: String, _ failure: StepFailure, at level: Logger.Level, _ metadata: Logger.Metadata) {
    let details = failure.details
    guard let suppressed = causes.admit(Cause(what: what, code: failure.code, status: details.status)) else { return }
    var metadata = metadata
    metadata["code"] = "\(failure.code.rawValue)"
    metadata["error"] = "\(failure.message)\(details.logText.isEmpty ? "" : " (\(details.logText))")"
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.log(level: level, "\(what)", metadata: metadata)
  }
}
