import CCurl

extension HTTPError {
  /// Converts libcurl's code of a failed transfer.
  /// - Parameters:
  ///   - phase: how far the transfer had progressed.
  ///   - proxyStatus: the status of a proxy's response to CONNECT; 0 without a proxy.
  init(_ code: CURLcode, reason: String, phase: Phase, proxyStatus: Int) {
    switch code {
    case CURLE_URL_MALFORMAT: self = .invalidRequest(reason)
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY:
      self = .cannotConnect(reason)
    case CURLE_OPERATION_TIMEDOUT: self = .timedOut(phase)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS:
      self = .untrusted(reason)
    case CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED, CURLE_SSL_CRL_BADFILE,
      CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CLIENTCERT:
      self = .tlsFailed(reason)
    case CURLE_SSL_CONNECT_ERROR where Self.isRefusal(ofHandshake: reason): self = .tlsFailed(reason)
    case CURLE_SEND_FAIL_REWIND:
      self = .interrupted("a kept connection ended, or the server refused the request on it, before the response began")
    case _ where (400...499).contains(proxyStatus): self = .proxyRefused(status: proxyStatus)
    case _ where proxyStatus >= 300: self = .cannotConnect(reason)
    case _ where phase == .connecting || phase == .sending: self = .unsent(reason)
    default: self = .interrupted(reason)
    }
  }

  /// Whether the TLS handshake was refused: no common version or cipher, an alert, or no TLS server. libcurl has the
  /// same code for a connection that was lost during the handshake, but another text.
  private static func isRefusal(ofHandshake reason: String) -> Bool {
    reason.contains("SSL routines") && !reason.contains("unexpected eof")
  }

  /// Removes user and password of a URL from a reason: libcurl quotes the whole URL of a proxy that it cannot use.
  static func withoutLogin(_ reason: String) -> String {
    let bytes = reason.utf8
    guard let end = bytes.lastIndex(of: UInt8(ascii: "@")) else { return reason }
    let quote = bytes[..<end].firstIndex { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\"") }
    let blank = bytes[..<end].lastIndex(of: UInt8(ascii: " "))
    let start = (quote ?? blank).map { bytes.index(after: $0) } ?? bytes.startIndex
    return "\(reason[..<start])***\(reason[end...])"
  }
}
