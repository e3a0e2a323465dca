/// When failed calls are retried, and for how long.
public struct RetryPolicy: Sendable, Equatable {
  /// The bound of the first wait; it doubles with each call.
  public var firstDelay = Duration.milliseconds(500)
  /// The largest bound. A provider may ask for a longer wait.
  public var maxDelay = Duration.seconds(30)
  /// How long after the start of the first call another one may begin. There is no other limit of calls.
  public var total = Duration.seconds(600)

  /// The default policy.
  public init() {}

  /// The wait after a failed call; nil if the time for all calls has passed.
  ///
  /// Exponential backoff with full jitter (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015),
  /// but at least as long as the provider asks for, and then up to a quarter more, so that clients that were refused
  /// together do not retry together. After an aborted call the wait is at least as long as that call, since the
  /// provider may still be computing the answer.
  /// - Parameters:
  ///   - attempt: the number of calls so far.
  ///   - failure: of the last call.
  ///   - spent: the duration of the last call.
  ///   - elapsed: the time since the first call.
  ///   - random: a random number from 0 to 1.
  public func delay(
    afterAttempt attempt: Int, _ failure: ModelFailure, spent: Duration, elapsed: Duration, random: Double
  ) -> Duration? {
    let left = total - elapsed
    let least = max(failure.retryAfter ?? .zero, failure.mayBeComputed ? spent : .zero)
    guard left > .zero, least < left else { return nil }
    let backoff = min(maxDelay, firstDelay * (1 << min(attempt - 1, 20)))
    return min(left, max(least + least * (0.25 * random), backoff * random))
  }
}
