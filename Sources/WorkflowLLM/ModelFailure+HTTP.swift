import Curl
import Workflow

extension ModelError {
  /// Converts the error of a call without a complete response.
  /// - Parameter status: the status of the response, where its headers had arrived.
  init(_ error: HTTPError, of call: HTTPRequest, status: Int? = nil) {
    if case .cancelled = error {
      self = .cancelled
    } else {
      var failure = ModelFailure(error, of: call)
      if let status, !(200...299).contains(status) { failure.charge = ModelFailure.Charge(status: status) }
      self = .failed(failure)
    }
  }
}

extension ModelFailure {
  /// The failure of a call without a complete response. The description of the call contains no secrets.
  init(_ error: HTTPError, of call: HTTPRequest) {
    let (code, sentence) = Self.meaning(of: error, call)
    self.init(code, sentence, detail: "\(call): \(error)", isTransient: error.isTransient)
    charge = Charge(error)
    switch error {
    case .timedOut(let phase):
      mayBeComputed = phase != .connecting
      hasDeadConnection = phase == .sending || phase == .waiting || phase == .idle
    case .unsent, .interrupted: hasDeadConnection = true
    default: break
    }
  }

  private static func meaning(of error: HTTPError, _ call: HTTPRequest) -> (ErrorCode, String) {
    switch error {
    case .timedOut(.connecting):
      (.timeout, "no connection to the model was made within \(call.connectTimeout.inSeconds)")
    case .timedOut(.sending): (.timeout, "the request to the model was not sent within \(call.timeout.inSeconds)")
    case .timedOut(.waiting): (.timeout, "the model did not answer within \(call.timeout.inSeconds)")
    case .timedOut(.receiving): (.timeout, "the model's answer did not end within \(call.timeout.inSeconds)")
    case .timedOut(.idle):
      (.timeout, "the model's stream was silent for \((call.idleTimeout ?? call.timeout).inSeconds)")
    case .tooLarge(let limit): (.invalidAnswer, "the model's answer is larger than \(limit) bytes")
    case .invalidRequest: (.providerRejected, "the request to the model cannot be sent")
    case .untrusted: (.providerRejected, "the certificate of the model's server is not trusted")
    case .tlsFailed: (.providerRejected, "TLS with the model's server failed")
    case .proxyRefused(let status): (.providerRejected, "the proxy on the way to the model answered \(status)")
    // Model calls go to any address.
    case .cannotConnect, .refusedAddress: (.providerUnavailable, "there is no connection to the model")
    case .unsent: (.providerUnavailable, "the connection to the model broke off before the request was sent")
    case .interrupted: (.providerUnavailable, "the connection to the model broke off")
    case .closed, .cancelled: (.providerUnavailable, "the client for model calls is closed")
    }
  }

  /// The failure of a response whose status is not 2xx.
  /// - Parameter key: removed from the failure if the provider quotes it.
  init(rejection response: HTTPResponse, _ said: ProviderError, hiding key: String?) {
    let status = response.status == 500 ? said.hiddenStatus ?? 500 : response.status
    let hidden = status == response.status ? "" : " with an error of status \(status)"
    self.init(status: status, "the model answered \(response.status)" + hidden, said, response)
    if let location = response.header("location") {
      detail = "redirected to \(ProviderText.line(location, hiding: key))" + (detail.isEmpty ? "" : ": " + detail)
    }
    if response.status == 404, detail.isEmpty { detail = "is the path of the model's base URL right, with its /v1?" }
  }

  /// The failure of a response with status 200 that contains an error.
  init(errorIn response: HTTPResponse, _ said: ProviderError) {
    let status = said.status ?? 500
    self.init(status: status, "the model answered \(response.status) with an error of status \(status)", said, response)
  }

  /// Retries 408, 409, 429 and 5xx, as OpenAI's clients do, unless the response has `x-should-retry`. An invalid status
  /// counts as 5xx (RFC 9110, section 15), and so do 424 of Hugging Face's TGI (the generation failed) and 498 of Groq
  /// (no capacity). An exhausted quota is also a 429, but not transient.
  private init(status: Int, _ sentence: String, _ said: ProviderError, _ response: HTTPResponse) {
    let code: ErrorCode =
      switch status {
      case 408: .timeout
      case 429: said.isSpentQuota ? .providerRejected : .rateLimited
      case 409, 424, 498, ..<200, 500...: .providerUnavailable
      default: .providerRejected
      }
    self.init(
      code, said.isSpentQuota ? sentence + ": the quota is spent" : sentence, detail: said.words,
      isTransient: response.mayRetry ?? (code != .providerRejected), status: status,
      retryAfter: RetryAfter.duration(in: response, now: RetryAfter.now()))
    mayBeComputed = status == 408 || status == 504
    charge = said.isFiltered ? .counted : Charge(status: status)
  }
}

extension HTTPResponse {
  /// Whether the provider asks to retry; nil if it does not say.
  var mayRetry: Bool? { header("x-should-retry").flatMap { ["true": true, "false": false][$0.lowercased()] } }
}
