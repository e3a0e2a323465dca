public import ExactJSON

/// Why a step, and with it a run, failed.
public struct StepFailure: Error, Sendable, Equatable {
  /// The kind, for programs.
  public let code: ErrorCode
  /// One sentence, for people.
  public let message: String
  private let outOfLine: OutOfLine<Details>?

  /// Details for the next attempt.
  public var details: Details { outOfLine?.value ?? Details() }

  /// What a failure says to the next attempt. It is not recorded.
  public struct Details: Sendable, Equatable {
    /// Whether another attempt may succeed; nil where the kind of failure decides.
    public var isTransient: Bool?
    /// How long the service asks to wait; nil when it does not say.
    public var retryAfter: Duration?
    /// Whether the service may still be computing the answer: the attempt was aborted, not refused.
    public var mayBeComputed = false
    /// Whether the connection has failed: the next attempt needs another one.
    public var needsFreshConnection = false
    /// The service's count of tokens of an answer that cannot be used; else null.
    public var usage = JSONValue.null

    /// What a call of a model waits for that was not made yet; nil where an attempt was made.
    public var waitsFor: ModelAdmission.Reason?
    /// The HTTP status of the service's answer; nil without one.
    public var status: Int?
    /// What only the log may say, such as the service's own words. May be empty.
    public var logText = ""

    /// A failure of which nothing more is known.
    public init() {}
  }

  /// Bytes of a message at most; the rest is cut, so that no text of a client fills logs and progress entries.
  public static let longestMessage = 2_000

  /// A failure of a kind, in one sentence.
  public init(_ code: ErrorCode, _ message: String, _ details: Details? = nil) {
    self.code = code
    outOfLine = details.map { OutOfLine($0) }
    self.message = message.cut(toBytes: StepFailure.longestMessage)
  }

  /// Whether both are of the same kind and say the same; details for the next attempt do not count.
  public static func == (one: StepFailure, other: StepFailure) -> Bool {
    one.code == other.code && one.message == other.message
  }

  /// The failure of a run whose step has failed so.
  public func of(step: String) -> StepFailure { StepFailure(code, "step \(step): \(message)") }

  /// The failure of a step whose outputs are larger than a limit.
  public static func outputs(over limit: ByteLimit) -> StepFailure {
    StepFailure(.outputTooLarge, "the outputs take more than \(limit.bytes) bytes (\(limit.setting))")
  }

  /// The same with a message of at most this number of bytes.
  public func cut(toBytes limit: Int) -> StepFailure { StepFailure(code, message.cut(toBytes: limit)) }
}

/// The kinds of failure that a run's `error_code` names.
public enum ErrorCode: String, Sendable, Equatable, CaseIterable {
  /// An attempt, a call or the run took longer than it may.
  case timeout
  /// The model provider answered 429 until the time for all tries was over.
  case rateLimited = "rate_limited"
  /// The provider, or the server of `http_request`, could not be reached, or answered 5xx.
  case providerUnavailable = "provider_unavailable"
  /// The provider refused the request (4xx).
  case providerRejected = "provider_rejected"
  /// The provider's answer cannot be used.
  case invalidAnswer = "invalid_answer"
  /// A reference leads nowhere.
  case referenceMissing = "reference_missing"
  /// The outputs are larger than the limits allow.
  case outputTooLarge = "output_too_large"
  /// The run has spent what it may.
  case budgetExceeded = "budget_exceeded"
  /// The operation itself failed.
  case operationFailed = "operation_failed"
  /// Workers died of it three times in a row.
  case workerCrashed = "worker_crashed"
  /// An entry of the inbox cannot be run.
  case invalidRequest = "invalid_request"
}
