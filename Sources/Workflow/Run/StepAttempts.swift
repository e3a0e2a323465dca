public import ExactJSON

/// The failed attempts of a step that is to be attempted again.
public struct StepAttempts: Sendable, Equatable {
  /// How many attempts have failed.
  public var failed = 0
  /// How many of them count for `max_attempts`.
  public var counted = 0
  /// How many of them timed out while the service may still be computing.
  public var timeouts = 0
  /// Whether the connection of the last one has failed, so that the next one needs another.
  public var needsFreshConnection = false
  /// When the first attempt began.
  public var since: Timestamp
  /// How long the next one waits.
  public var wait: Duration
  /// When the next one may begin.
  public var due: Timestamp
  /// How the last one failed.
  public var failure: StepFailure

  /// The attempts after one more has failed; nil when no other may follow.
  /// - Parameters:
  ///   - attempts: those before; nil when it was the first.
  ///   - failure: how it failed.
  ///   - spent: how long it took.
  ///   - now: when it failed.
  ///   - random: a random number from 0 to 1, for the wait.
  public init?(
    after attempts: StepAttempts?, _ failure: StepFailure, _ policy: RetryPolicy, spent: Duration, now: Timestamp,
    random: Double
  ) {
    self.failed = (attempts?.failed ?? 0) + 1
    counted = (attempts?.counted ?? 0) + (failure.code == .rateLimited ? 0 : 1)
    timeouts = (attempts?.timeouts ?? 0) + (failure.code == .timeout && failure.details.mayBeComputed ? 1 : 0)
    needsFreshConnection = failure.details.needsFreshConnection
    since = attempts?.since ?? now - spent
    self.failure = failure
    let wait = policy.wait(
      afterFailed: failed, counted: counted, failure, spent: spent, elapsed: max(.zero, now - since), random: random)
    guard let wait else { return nil }
    self.wait = wait
    due = now + wait
  }

  /// As it lies in the run's outputs:
  /// `{"failed","counted","timeouts","fresh","since","wait","due","error_code","error"}`, times in microseconds.
  public var json: JSONValue {
    [
      "failed": .number(JSONNumber(failed)), "counted": .number(JSONNumber(counted)),
      "timeouts": .number(JSONNumber(timeouts)), "fresh": .bool(needsFreshConnection),
      "since": .number(JSONNumber(since.microseconds)), "due": .number(JSONNumber(due.microseconds)),
      "wait": .number(JSONNumber((Timestamp(microseconds: 0) + wait).microseconds)),
      "error_code": .string(failure.code.rawValue), "error": .string(failure.message),
    ]
  }

  /// Reads what ``json`` writes; nil when it has another shape.
  public init?(json: JSONValue) {
    guard let object = json.objectValue, let failed = object["failed"]?.numberValue?.int,
      let counted = object["counted"]?.numberValue?.int, let timeouts = object["timeouts"]?.numberValue?.int,
      let since = object["since"]?.numberValue?.int, let due = object["due"]?.numberValue?.int,
      let wait = object["wait"]?.numberValue?.int,
      let code = object["error_code"]?.stringValue.flatMap(ErrorCode.init),
      let message = object["error"]?.stringValue
    else { return nil }
    self.failed = failed
    self.counted = counted
    self.timeouts = timeouts
    needsFreshConnection = object["fresh"] == .bool(true)
    self.since = Timestamp(microseconds: since)
    self.wait = .microseconds(wait)
    self.due = Timestamp(microseconds: due)
    failure = StepFailure(code, message)
  }
}

extension StepFailure {
  /// The failure of the last of several attempts, with their number, their time, and the wait that the service asked
  /// for.
  public func final(attempts: Int, in time: Duration) -> StepFailure {
    var words = "; \(attempts) \(attempts == 1 ? "attempt" : "attempts") in \(time.inSeconds)"
    if let wait = details.retryAfter { words += "; the service asked for a wait of \(wait.inSeconds)" }
    return StepFailure(code, message + words, details)
  }
}

extension Duration {
  /// The duration in seconds, such as `60 s` or `2.5 s`.
  public var inSeconds: String {
    let (seconds, attoseconds) = components
    let tenths = (seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 50) / 100
    return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
  }
}
