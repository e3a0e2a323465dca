/// A call of a model that is to begin, and what all workers together may ask of that model.
public struct ModelCall: Sendable, Equatable {
  /// The model's name.
  public let model: String
  /// The same each time that this call asks; no other call has it.
  public let id: String
  /// The tokens that it may take: those of the prompt and of the longest answer.
  public var tokens = 0
  /// Calls at the same time; nil for any number.
  public var callLimit: Int?
  /// Calls a minute; nil for any number.
  public var requestRate: Int?
  /// Tokens a minute; nil for any number.
  public var tokenRate: Int?

  /// A call without limits.
  public init(model: String, id: String) {
    self.model = model
    self.id = id
  }
}

/// Whether a call of a model may begin.
public enum ModelAdmission: Sendable, Equatable {
  /// It may, and counts as under way until its end is recorded.
  case admitted
  /// It is to ask again after a time.
  case wait(Duration, Reason)

  /// What a call waits for.
  public enum Reason: String, Sendable, Equatable {
    /// The model keeps failing, or asked for a wait.
    case cooldown
    /// As many calls began as may in a minute.
    case requests
    /// As many tokens were asked for as may in a minute.
    case tokens
    /// As many calls are under way as may at the same time.
    case calls
  }
}

/// How a call of a model has ended.
public enum ModelCallEnd: Sendable, Equatable {
  /// With an answer, for which the model took so many tokens; nil where it does not say.
  case answered(tokens: Int?)
  /// The model refused the call.
  case refused
  /// The model refused it because there are too many, and asks for a wait, where it says so.
  case limited(retryAfter: Duration?)
  /// The model could not be reached, was too slow or failed.
  case broken(retryAfter: Duration?)
  /// It was not made.
  case none
}

/// When a model that keeps failing is left alone.
public struct CooldownPolicy: Sendable, Equatable {
  /// Failed calls in a row after which no call begins for a while.
  public var failures = 5
  /// How long that is at first; it doubles each time that a call fails right after it.
  public var first = Duration.seconds(10)
  /// How long that is at most.
  public var longest = Duration.seconds(300)

  /// The usual policy.
  public init() {}
}
