import ExactJSON

/// Why a step, and with it a run, failed.
public struct StepFailure: Error, Sendable, Equatable {
  /// The kind, for programs.
  public let code: ErrorCode
  /// One sentence, for people.
  public let message: String

  /// Bytes of a message at most; the rest is cut, so that no text of a client fills logs and progress entries.
  public static let longestMessage = 2_000

  /// A failure of a kind, in one sentence.
  public init(_ code: ErrorCode, _ message: String) {
    self.code = code
    self.message = message.cut(toBytes: StepFailure.longestMessage)
  }

  /// The failure of a run whose step has failed so.
  public func of(step: String) -> StepFailure { StepFailure(code, "step \(step): \(message)") }

  /// The failure of a step whose outputs are larger than a limit.
  public static func outputs(over limit: ByteLimit) -> StepFailure {
    StepFailure(.outputTooLarge, "the outputs take more than \(limit.bytes) bytes (\(limit.setting))")
  }

  /// The same with a message of at most so many bytes.
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
}
