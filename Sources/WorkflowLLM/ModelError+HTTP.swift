import Curl
import ExactJSON
import Workflow

extension ModelError {
  static func invalidAnswer(_ message: String) -> ModelError {
    .failed(StepFailure(.invalidAnswer, message), isTransient: false, retryAfter: nil)
  }

  /// The error of a call that brought no answer. The call's description leaves out what may be secret.
  init(_ error: HTTPError, of call: HTTPRequest) {
    let code: ErrorCode
    switch error {
    case .cancelled:
      self = .cancelled
      return
    case .timedOut: code = .timeout
    case .tooLarge: code = .invalidAnswer
    case .invalidRequest: code = .providerRejected
    case .cannotConnect, .interrupted, .closed: code = .providerUnavailable
    }
    self = .failed(StepFailure(code, "\(call): \(error)"), isTransient: error.isTransient, retryAfter: nil)
  }

  /// The error of an answer that is not 200. Retried are 408, 409, 429 and 5xx, as OpenAI's own client does.
  /// - Parameter key: kept out of the message, should the provider repeat it.
  init(rejection response: HTTPResponse, hiding key: String?) {
    let status = response.status
    let message = "the model answered \(status)\(ModelError.detail(in: response.body, hiding: key))"
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
  private static func detail(in body: [UInt8], hiding key: String?) -> String {
    guard let object = (try? JSONValue(parsing: body))?.objectValue else { return "" }
    let message = object["error"]?.objectValue?["message"]?.stringValue ?? object["error"]?.stringValue
    guard var message, !message.isEmpty else { return "" }
    if let key, !key.isEmpty { message = message.replacing(key, with: "…") }
    let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    return ": " + String(line.unicodeScalars.prefix(300))
  }
}
