import CCurl

extension HTTPError {
  /// What a failed transfer's code means; `phase` says how far it had come.
  init(_ code: CURLcode, reason: String, phase: Phase) {
    switch code {
    case CURLE_URL_MALFORMAT: self = .invalidRequest(reason)
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY:
      self = .cannotConnect(reason)
    case CURLE_OPERATION_TIMEDOUT: self = .timedOut(phase)
    default: self = .interrupted(reason)
    }
  }
}
