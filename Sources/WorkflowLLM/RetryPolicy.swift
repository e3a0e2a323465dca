/// How often and how soon a failed call is made again.
public struct RetryPolicy: Sendable, Equatable {
  /// Calls in all.
  public var maxAttempts = 4
  /// The wait before the second call; it doubles from call to call.
  public var firstDelay = Duration.milliseconds(500)
  /// The longest wait of wf's own choosing.
  public var maxDelay = Duration.seconds(8)
  /// How long after the start of the first call another one may still begin.
  public var total = Duration.seconds(600)

  /// The default policy.
  public init() {}

  /// The wait after a failed call, or nil when it is not worth another one.
  ///
  /// The provider's latest word counts where there is one, with jitter on top; else exponential backoff with full
  /// jitter (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
  /// - Parameters:
  ///   - attempt: how many calls have been made.
  ///   - retryAfter: what the provider asked for.
  ///   - elapsed: since the first call.
  ///   - random: from 0 to 1.
  public func delay(afterAttempt attempt: Int, retryAfter: Duration?, elapsed: Duration, random: Double) -> Duration? {
    guard attempt < maxAttempts else { return nil }
    let backoff = min(maxDelay, firstDelay * (1 << min(attempt - 1, 20)))
    let wait = retryAfter.map { $0 + firstDelay * random } ?? backoff * random
    return elapsed + wait < total ? wait : nil
  }
}
