/// How soon and how long a failed call is made again.
public struct RetryPolicy: Sendable, Equatable {
  /// The longest wait before the second call; it doubles from call to call.
  public var firstDelay = Duration.milliseconds(500)
  /// The longest wait of wf's own choosing.
  public var maxDelay = Duration.seconds(30)
  /// How long after the start of the first call another one may still begin. Nothing else bounds the calls.
  public var total = Duration.seconds(600)

  /// The default policy.
  public init() {}

  /// The wait after a failed call, or nil when the time for all calls is over.
  ///
  /// Exponential backoff with full jitter (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015),
  /// but never less than what the provider asks for, and then up to a quarter more, so that those who were refused
  /// together do not come back together. After a call that was given up the wait is at least as long as that call: the
  /// provider may still be computing it.
  /// - Parameters:
  ///   - attempt: how many calls have been made.
  ///   - failure: how the last one failed.
  ///   - spent: how long the last one took.
  ///   - elapsed: since the first call.
  ///   - random: from 0 to 1.
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
