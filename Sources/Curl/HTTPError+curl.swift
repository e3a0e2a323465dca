import CCurl

extension HTTPError {
  /// What a failed transfer's code means.
  /// - Parameters:
  ///   - phase: how far the transfer had come.
  ///   - proxyStatus: what a proxy answered to CONNECT; 0 when none was asked.
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
    case CURLE_SSL_CONNECT_ERROR where HTTPError.isRefusal(ofHandshake: reason): self = .tlsFailed(reason)
    case CURLE_SEND_FAIL_REWIND:
      self = .interrupted("a kept connection ended, or the server refused the request on it, before the answer began")
    case _ where (400...499).contains(proxyStatus): self = .proxyRefused(status: proxyStatus)
    case _ where proxyStatus >= 300: self = .cannotConnect(reason)
    default: self = .interrupted(reason)
    }
  }

  /// Whether the handshake failed by TLS's own rules: no common version or cipher, an alert, no TLS at the other end. A
  /// connection that was lost during the handshake has the same code of libcurl, and another text.
  private static func isRefusal(ofHandshake reason: String) -> Bool {
    reason.contains("SSL routines") && !reason.contains("unexpected eof")
  }

  /// A reason without user and password of a URL in it: libcurl quotes a proxy's whole URL where it cannot use it.
  static func withoutLogin(_ reason: String) -> String {
    let bytes = reason.utf8
    guard let end = bytes.lastIndex(of: UInt8(ascii: "@")) else { return reason }
    let quote = bytes[..<end].firstIndex { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\"") }
    let blank = bytes[..<end].lastIndex(of: UInt8(ascii: " "))
    let start = (quote ?? blank).map { bytes.index(after: $0) } ?? bytes.startIndex
    return "\(reason[..<start])***\(reason[end...])"
  }
}
