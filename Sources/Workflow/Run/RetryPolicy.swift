/// When the failed attempts of a step are repeated, and for how long.
public struct RetryPolicy: Sendable, Equatable {
  /// How many attempts may fail; nil where the time alone bounds them. An attempt that was refused because there are
  /// too many requests (`rate_limited`) does not count.
  public var maxAttempts: Int? = 3
  /// The bound of the first wait.
  public var delay = Duration.seconds(1)
  /// What the bound is multiplied with after each further attempt; at least 1.
  public var multiplier = 2.0
  /// The largest bound. A service may ask for a longer wait.
  public var maxDelay = Duration.seconds(30)
  /// Whether a wait is a random part of its bound.
  public var hasJitter = true
  /// How long after the start of the first attempt another one may begin.
  public var total = Duration.seconds(3_600)
  /// The failures that are repeated; nil for those that may pass.
  public var codes: Set<ErrorCode>?
  /// How long after the start of the first attempt an attempt may begin that follows a refusal for too many requests
  /// (`rate_limited`); nil where `total` alone bounds it.
  public var longestRefusal: Duration?

  /// Attempts of a step at most, whatever its policy says.
  public static let mostAttempts = 1_000

  /// The policy of a step whose `retry` says nothing else.
  public init() {}

  /// One attempt only.
  public static let none: RetryPolicy = {
    var policy = RetryPolicy()
    policy.maxAttempts = 1
    policy.total = .zero
    return policy
  }()

  /// Whether a failure is of a kind that is repeated.
  public func repeats(_ failure: StepFailure) -> Bool {
    if let codes { return codes.contains(failure.code) }
    return failure.details.isTransient ?? failure.code.mayPass
  }

  /// The wait after a failed attempt; nil when no other one may follow.
  ///
  /// Exponential backoff with full jitter (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015),
  /// but at least as long as the service asks for, and then up to a quarter more, so that clients that were refused
  /// together do not retry together. After an attempt whose answer may still be computed the wait is at least as long
  /// as that attempt.
  /// - Parameters:
  ///   - failed: how many attempts have failed.
  ///   - counted: how many of them count.
  ///   - failure: of the last attempt.
  ///   - spent: how long it took.
  ///   - elapsed: the time since the start of the first attempt.
  ///   - random: a random number from 0 to 1.
  public func wait(
    afterFailed failed: Int, counted: Int, _ failure: StepFailure, spent: Duration, elapsed: Duration, random: Double
  ) -> Duration? {
    if let reason = failure.details.waitsFor {
      return turn(failure, reason, elapsed: elapsed, random: random)
    }
    guard repeats(failure), failed < RetryPolicy.mostAttempts, counted < maxAttempts ?? .max else { return nil }
    let left = total - elapsed
    let least = max(failure.details.retryAfter ?? .zero, failure.details.mayBeComputed ? spent : .zero)
    guard left > .zero, least < left else { return nil }
    if failure.code == .rateLimited, let longestRefusal, elapsed + least > longestRefusal { return nil }
    guard hasJitter else { return min(left, max(least, bound(failed))) }
    return min(left, max(least + least * (0.25 * random), bound(failed) * random))
  }

  /// The wait for a call that was not made yet. No number of attempts bounds it, and the time for all of them only
  /// where the model itself is why.
  private func turn(_ failure: StepFailure, _ reason: ModelAdmission.Reason, elapsed: Duration, random: Double)
    -> Duration?
  {
    var wait = failure.details.retryAfter ?? .zero
    // Those that wait for their turn have one each.
    if reason.isOfModel { wait += wait * (0.25 * random) }
    if failure.details.isTransient == false || reason.isOfModel && wait >= total - elapsed { return nil }
    if let longestRefusal, elapsed + wait > longestRefusal { return nil }
    return wait
  }

  /// The bound of the wait after a number of failed attempts.
  private func bound(_ failed: Int) -> Duration {
    var bound = min(maxDelay, delay)
    for _ in 1..<max(1, failed) where bound < maxDelay && bound > .zero {
      let next = min(maxDelay, bound * multiplier)
      if next == bound { break }
      bound = next
    }
    return bound
  }
}

extension ErrorCode {
  /// Whether a failure of this kind may pass by itself.
  fileprivate var mayPass: Bool {
    switch self {
    case .timeout, .rateLimited, .providerUnavailable, .operationFailed: true
    case .providerRejected, .invalidAnswer, .referenceMissing, .outputTooLarge, .budgetExceeded, .workerCrashed,
      .invalidRequest:
      false
    }
  }
}
