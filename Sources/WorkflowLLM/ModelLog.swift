public import Logging
import Synchronization
import Workflow

/// What the operator is told of model calls: the provider's sentences, with the run and the step that they belong to.
///
/// A cause that strikes every run is told once a minute, with the count of those that were not.
public final class ModelLog: Sendable {
  private static let interval = Duration.seconds(60)
  /// More causes than that are told without a bound on their number of lines.
  private static let mostCauses = 256

  private struct Cause: Hashable {
    let what: String
    let code: ErrorCode
    let status: Int?
  }

  private struct Told {
    var at: ContinuousClock.Instant
    var suppressed = 0
  }

  private let logger: Logger
  private let now: @Sendable () -> ContinuousClock.Instant
  private let told = Mutex<[Cause: Told]>([:])

  /// - Parameter now: the clock, for tests.
  public init(_ logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.logger = logger
    self.now = now
  }

  /// A model refused a parameter and is called in another form from now on.
  func adapted(_ model: String, _ difference: String) {
    logger.notice(
      "the model refuses a parameter; it is called in another form from now on",
      metadata: [
        "model": "\(model)", "form": "\(difference)",
      ])
  }

  /// A call failed and will be made again.
  func retrying(_ step: String, _ failure: ModelFailure, attempt: Int, delay: Duration) {
    tell(
      "a model call failed and will be made again", failure, at: .notice,
      [
        "call": "\(step)", "attempt": "\(attempt)", "wait": "\(delay.inSeconds)",
      ])
  }

  /// A model failed for good.
  /// - Parameter isPlaceholder: whether the placeholder spoke in its stead; else the step failed.
  public func failed(job: String, step: String, _ failure: ModelFailure, isPlaceholder: Bool) {
    let what = isPlaceholder ? "the model failed; the placeholder summarized" : "the model failed, and with it the step"
    tell(what, failure, at: .warning, ["job": "\(job)", "step": "\(step)"])
  }

  private func tell(_ what: String, _ failure: ModelFailure, at level: Logger.Level, _ metadata: Logger.Metadata) {
    guard let suppressed = admit(Cause(what: what, code: failure.code, status: failure.status)) else { return }
    var metadata = metadata
    metadata["code"] = "\(failure.code.rawValue)"
    metadata["error"] = "\(failure.fullMessage)"
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.log(level: level, "\(what)", metadata: metadata)
  }

  /// How many lines of the same cause were left out since the last one; nil when this one is left out too.
  private func admit(_ cause: Cause) -> Int? {
    told.withLock { told in
      let now = now()
      if let last = told[cause], now - last.at < ModelLog.interval {
        told[cause]?.suppressed += 1
        return nil
      }
      if told.count >= ModelLog.mostCauses { told = told.filter { now - $0.value.at < ModelLog.interval } }
      let suppressed = told[cause]?.suppressed ?? 0
      if told.count < ModelLog.mostCauses || told[cause] != nil { told[cause] = Told(at: now) }
      return suppressed
    }
  }
}
