import Curl
public import Workflow
import WorkflowLLM

/// Why a request of a step has failed. This is the one place that says which failures may pass by themselves.
public struct HTTPRequestFailure: Error, Sendable, Equatable {
  /// The kind, for programs.
  public var code: ErrorCode
  /// A sentence for everyone who may see the run: of the URL scheme, host and port alone.
  public var message: String
  /// What only the operator may see, such as libcurl's reason with its addresses. May be empty.
  public var detail = ""
  /// Whether the same request may succeed later.
  public var isTransient = false
  /// How long the server asks to wait; nil if it does not say.
  public var retryAfter: Duration?

  /// A failure that does not pass by itself.
  init(_ code: ErrorCode, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The failure of the step.
  public var stepFailure: StepFailure {
    var details = StepFailure.Details()
    details.isTransient = isTransient
    details.retryAfter = retryAfter
    details.logText = detail
    return StepFailure(code, message, details)
  }

  /// A status that the step does not expect.
  init(_ response: HTTPResponse, from url: HTTPURL) {
    let code: ErrorCode =
      switch response.status {
      case 408: .timeout
      case 429: .rateLimited
      case 500...: .providerUnavailable
      default: .providerRejected
      }
    self.init(code, "\(url.origin) answered \(response.status)")
    isTransient = code != .providerRejected
    retryAfter = RetryAfter.duration(in: response, now: RetryAfter.now())
  }

  /// A request without a whole response.
  /// - Parameters:
  ///   - timeout: what all requests of the step may take together.
  ///   - limit: the setting or parameter that limits the response.
  init(_ error: HTTPError, from url: HTTPURL, timeout: Duration, limit: String) {
    let (code, sentence) = HTTPRequestFailure.meaning(of: error, url.origin, timeout: timeout, limit: limit)
    self.init(code, sentence)
    detail = "\(error)"
    isTransient = error.isTransient
  }

  private static func meaning(
    of error: HTTPError, _ origin: String, timeout: Duration, limit: String
  ) -> (ErrorCode, String) {
    switch error {
    case .timedOut(.connecting):
      (
        .timeout,
        "no connection to \(origin) was made within \(min(HTTPExchange.longestConnect, timeout).inSeconds)"
      )
    case .timedOut: (.timeout, "\(origin) did not answer completely within \(timeout.inSeconds) (WF_HTTP_TIMEOUT_S)")
    case .tooLarge(let bytes): (.outputTooLarge, "the response of \(origin) is larger than \(bytes) bytes (\(limit))")
    case .invalidRequest: (.operationFailed, "the request to \(origin) cannot be sent")
    case .refusedAddress:
      (.operationFailed, "\(origin) has an address that is not public (WF_HTTP_ALLOW_PRIVATE)")
    case .untrusted: (.providerRejected, "the certificate of \(origin) is not trusted")
    case .tlsFailed: (.providerRejected, "TLS with \(origin) failed")
    case .cannotConnect, .proxyRefused: (.providerUnavailable, "there is no connection to \(origin)")
    case .unsent, .interrupted: (.providerUnavailable, "the connection to \(origin) broke off")
    case .closed, .cancelled: (.providerUnavailable, "the client for requests is closed")
    }
  }
}
