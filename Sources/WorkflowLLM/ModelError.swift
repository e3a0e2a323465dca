public import ExactJSON
public import Workflow

/// Why a call of a model has failed.
public enum ModelError: Error, Sendable, Equatable {
  /// The call failed.
  indirect case failed(ModelFailure)
  /// The task was cancelled and the transfer aborted.
  case cancelled
}

/// The failure of a call of a model.
public struct ModelFailure: Sendable, Equatable {
  /// The kind, for programs.
  public var code: ErrorCode
  /// A message for everyone who may see the run: without texts of the provider and URLs.
  public var message: String
  /// Details for the log only, such as the provider's message and the URL. May be empty.
  public var detail: String
  /// Whether the same call may succeed later.
  public var isTransient: Bool
  /// The HTTP status, or the one that the provider states in an error with status 200; nil without a response.
  public var status: Int?
  /// How long to wait before the next call, by the provider's response; nil if it does not say.
  public var retryAfter: Duration?
  /// The provider's count of tokens of an answer that cannot be used; else null.
  public var usage: JSONValue
  /// The same count in one form for all providers.
  public var tokens = TokenUsage()
  /// Whether the provider may still be computing the answer: the call was aborted, not refused.
  public var mayBeComputed = false
  /// What the call may have cost.
  public var charge = Charge.counted
  /// Whether the connection has failed, or delivered no byte before the timeout: the next call needs another one.
  public var hasDeadConnection = false

  /// Creates a failure.
  public init(
    _ code: ErrorCode, _ message: String, detail: String = "", isTransient: Bool, status: Int? = nil,
    retryAfter: Duration? = nil, usage: JSONValue = .null
  ) {
    self.code = code
    self.message = message
    self.detail = detail
    self.isTransient = isTransient
    self.status = status
    self.retryAfter = retryAfter
    self.usage = usage
  }

  /// The failure of the step, without the details for the log.
  public var stepFailure: StepFailure {
    var details = StepFailure.Details()
    details.isTransient = isTransient
    details.retryAfter = retryAfter
    details.mayBeComputed = mayBeComputed
    details.needsFreshConnection = hasDeadConnection
    details.usage = usage
    details.status = status
    details.logText = detail
    return StepFailure(code, message, details)
  }

  /// The message for the log, with details.
  public var fullMessage: String { detail.isEmpty ? message : "\(message) (\(detail))" }
}
