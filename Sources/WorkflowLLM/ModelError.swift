public import ExactJSON
public import Workflow

/// Why a model did not answer.
public enum ModelError: Error, Sendable, Equatable {
  /// The call failed.
  case failed(ModelFailure)
  /// The task was cancelled; the transfer has been aborted.
  case cancelled
}

/// How a call of a model failed.
public struct ModelFailure: Sendable, Equatable {
  /// The kind, for programs.
  public var code: ErrorCode
  /// One sentence for whoever may see the run: the status and what wf makes of it, no word of the provider, no URL.
  public var message: String
  /// What belongs into the log only: the provider's sentence, the URL. It may be empty.
  public var detail: String
  /// Whether the same call may succeed later.
  public var isTransient: Bool
  /// The status that the provider answered, or named in an error that it sent with status 200.
  public var status: Int?
  /// How long the provider asks to wait before the next call.
  public var retryAfter: Duration?
  /// The provider's count of the tokens of an answer that cannot be used; else null.
  public var usage: JSONValue
  /// Whether the provider may still be computing the answer: the call was given up, not refused.
  public var mayBeComputed = false
  /// Whether the connection broke, or was made and then brought not a byte in time: the next call needs another one.
  public var hasDeadConnection = false

  /// A failure.
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

  /// The same as a step's failure, without what belongs into the log only.
  public var stepFailure: StepFailure { StepFailure(code, message) }

  /// The sentence for whoever runs wf: with the provider's words.
  public var fullMessage: String { detail.isEmpty ? message : "\(message) (\(detail))" }
}
