public import ExactJSON

/// The failed attempts of a step that is to be attempted again.
public struct StepAttempts: Sendable, Equatable {
  /// How many attempts have failed.
  public var failed = 0
  /// The way in which the step is attempted now, such as the name of a model; nil for the first one. All but `failed`
  /// is of the attempts made in this way.
  public var alternative: String?
  /// How many attempts had failed before the step came to this way.
  public var failedBefore = 0
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
  /// Whether it waits for its turn among the calls that a model gets at the same time: it may come before it is due.
  public var waitsForPlace = false

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
    let turn = failure.details.waitsFor
    self.failed = (attempts?.failed ?? 0) + (turn == nil ? 1 : 0)
    alternative = attempts?.alternative
    failedBefore = attempts?.failedBefore ?? 0
    counted = (attempts?.counted ?? 0) + (failure.code == .rateLimited || turn != nil ? 0 : 1)
    timeouts = (attempts?.timeouts ?? 0) + (failure.code == .timeout && failure.details.mayBeComputed ? 1 : 0)
    needsFreshConnection =
      turn == nil ? failure.details.needsFreshConnection : attempts?.needsFreshConnection ?? false
    since = attempts?.since ?? now - spent
    self.failure = failure
    waitsForPlace = turn == .calls
    let wait = policy.wait(
      afterFailed: failed - failedBefore, counted: counted, failure, spent: spent, elapsed: max(.zero, now - since),
      random: random)
    guard let wait, failed < RetryPolicy.mostAttempts else { return nil }
    self.wait = wait
    due = now + wait
    // The time for all attempts does not count on while the step waits for its turn.
    if let turn, !turn.isOfModel, policy.longestRefusal == nil { since = since + (spent + wait) }
  }

  /// The attempts of a step that continues in another way, at once and as if it had not been attempted before; nil when
  /// it has been attempted as often as a step can be.
  /// - Parameters:
  ///   - alternative: the name of that way.
  ///   - attempts: those before; nil when it was the first.
  ///   - failure: how the last one failed.
  ///   - now: when it failed.
  public init?(goingOnWith alternative: String, after attempts: StepAttempts?, _ failure: StepFailure, now: Timestamp) {
    failed = (attempts?.failed ?? 0) + 1
    guard failed < RetryPolicy.mostAttempts else { return nil }
    failedBefore = failed
    self.alternative = alternative
    since = now
    wait = .zero
    due = now
    self.failure = failure
  }

  /// As it lies in the run's outputs:
  /// `{"failed","counted","timeouts","fresh","since","wait","due","error_code","error"}`, times in microseconds, and
  /// where the step has continued in another way `"alternative"` and `"failed_before"`. A worker that does not know
  /// these two begins with the first way again. `"place"` is true where it waits for its turn; a worker that does not
  /// know it waits until it is due.
  public var json: JSONValue {
    var json: JSONObject = [
      "failed": .number(JSONNumber(failed)), "counted": .number(JSONNumber(counted)),
      "timeouts": .number(JSONNumber(timeouts)), "fresh": .bool(needsFreshConnection),
      "since": .number(JSONNumber(since.microseconds)), "due": .number(JSONNumber(due.microseconds)),
      "wait": .number(JSONNumber((Timestamp(microseconds: 0) + wait).microseconds)),
      "error_code": .string(failure.code.rawValue), "error": .string(failure.message),
    ]
    if let alternative {
      json["alternative"] = .string(alternative)
      json["failed_before"] = .number(JSONNumber(failedBefore))
    }
    if waitsForPlace { json["place"] = true }
    return .object(json)
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
    alternative = object["alternative"]?.stringValue
    failedBefore = object["failed_before"]?.numberValue?.int ?? 0
    self.counted = counted
    self.timeouts = timeouts
    needsFreshConnection = object["fresh"] == .bool(true)
    self.since = Timestamp(microseconds: since)
    self.wait = .microseconds(wait)
    self.due = Timestamp(microseconds: due)
    failure = StepFailure(code, message)
    waitsForPlace = object["place"] == .bool(true)
  }
}

extension StepFailure {
  /// The failure of the last of several attempts, with their number, their time, and the wait that the service asked
  /// for.
  public func final(attempts: Int, in time: Duration) -> StepFailure {
    var words = "; \(attempts) \(attempts == 1 ? "attempt" : "attempts") in \(time.inSeconds)"
    // What a call waits for that was not made, no service has asked for.
    if let wait = details.retryAfter, details.waitsFor == nil {
      words += "; the service asked for a wait of " + (wait < .seconds(86_400) ? wait.inSeconds : "a day or more")
    }
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
