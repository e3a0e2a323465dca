import Curl
import ExactJSON
import Workflow

extension ModelError {
  static func invalidAnswer(_ message: String) -> ModelError {
    .failed(StepFailure(.invalidAnswer, message), isTransient: false, retryAfter: nil)
  }

  /// The error of a call that brought no answer.
  init(_ error: HTTPError, url: String) {
    switch error {
    case .cancelled: self = .cancelled
    case .timedOut:
      self = .failed(StepFailure(.timeout, "\(url): \(error)"), isTransient: true, retryAfter: nil)
    case .tooLarge:
      self = .failed(StepFailure(.invalidAnswer, "\(url): \(error)"), isTransient: false, retryAfter: nil)
    case .invalidRequest:
      self = .failed(StepFailure(.providerRejected, "\(url): \(error)"), isTransient: false, retryAfter: nil)
    case .cannotConnect, .interrupted, .closed:
      self = .failed(StepFailure(.providerUnavailable, "\(url): \(error)"), isTransient: true, retryAfter: nil)
    }
  }

  /// The error of an answer that is not 200. Retried are 408, 409, 429 and 5xx, as OpenAI's own client does.
  init(rejection response: HTTPResponse) {
    let status = response.status
    let message = "the model answered \(status)\(ModelError.detail(in: response.body))"
    let code: ErrorCode =
      switch status {
      case 408: .timeout
      case 429: .rateLimited
      case 409, 500...599: .providerUnavailable
      default: .providerRejected
      }
    let retryAfter = RetryAfter.duration(in: response, now: RetryAfter.now())
    self = .failed(StepFailure(code, message), isTransient: code != .providerRejected, retryAfter: retryAfter)
  }

  /// The provider's own words, `error.message` in OpenAI's shape, cut to a line.
  private static func detail(in body: [UInt8]) -> String {
    guard let object = (try? JSONValue(parsing: body))?.objectValue else { return "" }
    let message = object["error"]?.objectValue?["message"]?.stringValue ?? object["error"]?.stringValue
    guard let message, !message.isEmpty else { return "" }
    let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    return ": " + String(line.prefix(300))
  }
}
