import CTLS

/// What may be wrong with TLS, with what an operator can do.
extension LinkFailure {
  /// The server has ended the session.
  static var closed: Self { LinkFailure("Server closed the connection") }

  /// The server has closed the connection before the session began.
  static var closedInHandshake: Self { LinkFailure("the server closed the connection during the TLS handshake") }

  /// The server has sent something else than TLS.
  static var serverSpeaksNoTLS: Self {
    LinkFailure(
      "the server speaks no TLS at this port",
      remedy: "set REDIS_URL to the port for TLS (tls-port of Redis), or write redis:// for a connection without TLS")
  }

  /// The server has sent a TLS alert on a connection without TLS.
  static var serverSpeaksTLS: Self {
    LinkFailure(
      "the server speaks TLS at this port", remedy: "write rediss:// in REDIS_URL, or set it to the port without TLS")
  }

  /// The server has ended a connection without TLS before it sent anything. OpenSSL does that with what is not TLS.
  static func noFirstReply(_ failure: Self) -> Self {
    LinkFailure(
      "\(failure.reason) before its first reply: Redis is not ready, or speaks TLS at this port (then write rediss:// in "
        + "REDIS_URL)")
  }

  /// The server is silent. A Redis without TLS waits for the end of a line.
  static func noTLSHandshake(within limit: Duration) -> Self {
    LinkFailure(
      "no TLS handshake within \(limit): the server hangs, or speaks no TLS at this port (then write redis:// in "
        + "REDIS_URL, or set it to the port for TLS)")
  }

  /// A failure of OpenSSL, which says why itself.
  static func tls(_ fact: String, remedy: String? = nil) -> Self {
    LinkFailure("\(fact): \(ctls_reason_text().map { String(cString: $0) } ?? "unknown cause")", remedy: remedy)
  }

  /// The authorities cannot be read; nil for those of the system.
  static func authorities(_ file: String?) -> Self {
    guard let file else { return tls("cannot use the system's certificates of authorities") }
    return tls(
      "cannot use the authorities' certificates in \(file)",
      remedy: "let REDIS_TLS_CA_FILE name a PEM file that the user of this process may read")
  }

  /// The client's certificate cannot be read.
  static func clientCertificate(_ file: String) -> Self {
    tls(
      "cannot use the client certificate in \(file)",
      remedy: "let REDIS_TLS_CERT_FILE name a PEM file that the user of this process may read")
  }

  /// The client's key cannot be read or is another one's.
  static func clientKey(_ file: String) -> Self {
    tls(
      "cannot use the key in \(file)",
      remedy:
        "let REDIS_TLS_KEY_FILE name a PEM file with the certificate's key, without a passphrase, that the user of "
        + "this process may read")
  }

  /// The handshake has failed.
  /// - Parameter verdict: of the server's certificate (X509_V_…).
  static func handshake(verdict: Int, host: String, _ tls: RedisTLS) -> Self {
    let isRefused = ctls_reason() == SSL_R_CERTIFICATE_VERIFY_FAILED
    return isRefused ? certificate(Int32(verdict), host: host, tls) : session(tls)
  }

  /// The server's certificate is refused.
  private static func certificate(_ verdict: Int32, host: String, _ tls: RedisTLS) -> Self {
    let text = String(cString: ctls_verdict_text(Int(verdict)))
    switch verdict {
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      return LinkFailure(
        "the server's certificate is not for \(host)",
        remedy: "set REDIS_URL to a name that the certificate has, or give the server a certificate for \(host)")
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return LinkFailure(
        "the server's certificate is of an authority that is not trusted (\(text))",
        remedy: tls.authorities.map { "put the certificate of its authority into \($0) (REDIS_TLS_CA_FILE)" }
          ?? "set REDIS_TLS_CA_FILE to a file with the certificate of its authority")
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return LinkFailure("the server's certificate has expired", remedy: "renew it on the server")
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return LinkFailure(
        "the server's certificate is not valid yet", remedy: "correct the clock of this host, or the certificate")
    default:
      return LinkFailure(
        "the server's certificate is refused (\(text))", remedy: "give the server a certificate without that fault")
    }
  }

  /// The handshake or the session has failed, and not for the server's certificate.
  static func session(_ tls: RedisTLS) -> Self {
    let reason = ctls_reason()
    switch reason {
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_WRONG_SSL_VERSION:
      return LinkFailure(
        "the server speaks no TLS 1.2 or newer", remedy: "allow TLSv1.2 or TLSv1.3 there (tls-protocols of Redis)")
    case SSL_R_WRONG_VERSION_NUMBER:
      return serverSpeaksNoTLS
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return noClientCertificate("the server asks for a client certificate")
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE where tls.certificate == nil:
      return noClientCertificate("the server refuses the TLS handshake, maybe for want of a client certificate")
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
      SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
      SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return .tls(
        "the server refuses the client certificate",
        remedy: "set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE to one that it trusts (tls-ca-cert-file of Redis); its "
          + "log says more")
    default:
      return .tls("TLS has failed")
    }
  }

  private static func noClientCertificate(_ reason: String) -> Self {
    LinkFailure(
      reason,
      remedy: "set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE, or set tls-auth-clients no in Redis; its log says more")
  }
}
