import CTLS

/// A TLS session as a client, without input and output: its owner passes on what it has for the server, and what the
/// server sends.
///
/// It belongs to the thread that created it.
final class TLSSession {
  /// The longest content of a TLS record, in bytes (RFC 8446, 5.1).
  static let longestRecord = 16 << 10

  private let session: OpaquePointer
  private let host: String
  private let tls: RedisTLS
  private var hasReceived = false
  private var hasFailed = false

  /// Whether the handshake has ended, and the server's certificate is in order.
  private(set) var isEstablished = false

  /// Prepares a session with a host, and reads the files.
  /// - Parameter host: a name or a numeric address; the server's certificate has to be for it.
  /// - Throws: `LinkFailure` when libssl or a file cannot be used.
  init(to host: String, _ tls: RedisTLS) throws(LinkFailure) {
    try TLSLibrary.require()
    // A name may end with the dot of the root; no certificate's does.
    self.host = host.hasSuffix(".") ? String(host.dropLast()) : host
    self.tls = tls
    guard let context = ctls_context() else { throw .tls("no TLS") }
    defer { ctls_context_free(context) }
    guard ctls_trust(context, tls.authorities) == 1 else { throw .authorities(tls.authorities) }
    if let file = tls.certificate {
      guard ctls_use_certificate(context, file) == 1 else { throw .clientCertificate(file) }
    }
    if let file = tls.key {
      guard ctls_use_key(context, file) == 1 else { throw .clientKey(file) }
    }
    guard let session = ctls_session(context, self.host) else { throw .tls("no TLS session with \(host)") }
    self.session = session
  }

  deinit { ctls_session_free(session) }

  /// Continues the handshake as far as the received bytes allow.
  /// - Throws: `LinkFailure` when it has failed. There may then be an alert to send to the server.
  func shakeHands() throws(LinkFailure) {
    if isEstablished || hasFailed { return }
    let result = ctls_handshake(session)
    if result == 1 {
      isEstablished = true
    } else if ctls_status(session, result) != SSL_ERROR_WANT_READ {
      hasFailed = true
      throw .handshake(verdict: ctls_verdict(session), host: host, tls)
    }
  }

  /// Takes bytes that the server has sent.
  /// - Throws: `LinkFailure` when they do not begin as those of a server that speaks TLS do.
  func receive(_ bytes: UnsafeRawBufferPointer) throws(LinkFailure) {
    if !hasReceived, let first = bytes.first {
      hasReceived = true
      // The types of records that a handshake may begin with: an alert, and a message of the handshake.
      guard first == 0x15 || first == 0x16 else {
        hasFailed = true
        throw .serverSpeaksNoTLS
      }
    }
    guard ctls_put(session, bytes.baseAddress, Int32(bytes.count)) == Int32(bytes.count) else {
      hasFailed = true
      throw LinkFailure("out of memory")
    }
  }

  /// Decrypts received bytes.
  /// - Returns: how many were put into the buffer; 0 when no further record is complete; nil when the server has ended
  ///   the session.
  /// - Throws: `LinkFailure` when the session has failed.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(LinkFailure) -> Int? {
    let count = ctls_read(session, buffer.baseAddress, Int32(buffer.count))
    if count > 0 { return Int(count) }
    switch ctls_status(session, count) {
    case SSL_ERROR_WANT_READ: return 0
    case SSL_ERROR_ZERO_RETURN: return nil
    default:
      hasFailed = true
      throw .session(tls)
    }
  }

  /// Encrypts bytes, at most those of one record.
  /// - Returns: how many.
  func write(_ bytes: UnsafeRawBufferPointer) throws(LinkFailure) -> Int {
    let count = ctls_write(session, bytes.baseAddress, Int32(min(bytes.count, Self.longestRecord)))
    if count > 0 { return Int(count) }
    hasFailed = true
    throw .session(tls)
  }

  /// Announces that no more bytes follow (close_notify).
  func close() {
    if isEstablished, !hasFailed { ctls_close(session) }
  }

  /// Adds the bytes for the server to an array.
  func takeOutput(into output: inout [UInt8]) {
    let pending = ctls_pending(session)
    if pending == 0 { return }
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: pending))
    let taken = output.withUnsafeMutableBytes { bytes in
      ctls_take(session, bytes.baseAddress.map { $0 + start }, Int32(pending))
    }
    output.removeLast(pending - Int(taken))
  }
}
