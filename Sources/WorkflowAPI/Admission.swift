import FastCGI

/// Who may use the API: clients on this host, or everybody where the operator says so.
struct Admission: Sendable {
  /// Whether clients that are not on this host are answered too (`WF_ALLOW_ANONYMOUS=1`).
  let allowsAnonymous: Bool

  /// Refuses a client that may not.
  func check(_ request: FastCGIRequest) throws(APIError) {
    guard allowsAnonymous || Admission.isLocal(request.parameter("REMOTE_ADDR") ?? "") else { throw .unauthorized }
  }

  /// Whether an address, as nginx writes it, is of this host: loopback, or a unix socket.
  static func isLocal(_ address: String) -> Bool {
    address.hasPrefix("127.") || address == "::1" || address == "unix:"
  }
}
