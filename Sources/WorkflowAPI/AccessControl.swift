import ExactJSON
import FastCGI

/// Decides which clients may use the API: those on this host, or all of them if the operator allows it.
struct AccessControl: Sendable {
  /// Whether clients on other hosts are answered (`WF_ALLOW_ANONYMOUS=1`).
  let allowsAnonymous: Bool
  /// The host of the site's URL (`WF_URL`), in lower case.
  private let siteHost: String?

  /// - Parameter siteURL: the URL of the site.
  init(allowsAnonymous: Bool, siteURL: String) {
    self.allowsAnonymous = allowsAnonymous
    siteHost = HostName.ofURL(siteURL)
  }

  /// Checks a request.
  /// - Throws: `unauthorized` for a client on another host, `misdirected` for a foreign `Host`.
  func check(_ request: FastCGIRequest) throws(APIError) {
    if allowsAnonymous { return }
    let address = request.parameter("REMOTE_ADDR") ?? ""
    // Browsers cannot connect to a unix socket, so `Host` need not be checked.
    if address.hasSameScalars(as: "unix:") { return }
    let own = ownAddress(address, request)
    guard LoopbackAddress.matches(address) || own != nil else { throw .unauthorized }
    try checkHost(request.headers("Host"), ownAddress: own)
  }

  /// The client's address, if it equals the web server's (`SERVER_ADDR`); else nil. A connection from an address to
  /// itself is local: the client uses the public address of its own host.
  ///
  /// Comparing with the addresses of this host would not be safe: a router or a bridge in front of a web server in a
  /// container may replace the client's address by one of them.
  private func ownAddress(_ address: String, _ request: FastCGIRequest) -> String? {
    guard !address.isEmpty, let server = request.parameter("SERVER_ADDR"), server.hasSameScalars(as: address) else {
      return nil
    }
    return address
  }

  /// Refuses a request for another host.
  ///
  /// A foreign site can reach a server on the visitor's host if its name resolves to a loopback address (DNS
  /// rebinding). The browser sees one origin, but sends the foreign name as `Host`. A request without `Host` is refused
  /// too: some web servers drop the name of an HTTP/2 or HTTP/3 request.
  private func checkHost(_ headers: [String], ownAddress: String?) throws(APIError) {
    guard let first = headers.first, !first.isEmpty else { throw .misdirected(host: nil) }
    for header in headers {
      let name = HostName.ofHeader(header)
      let isOwn = HostName.isLoopback(name) || [siteHost, ownAddress].contains { $0?.hasSameScalars(as: name) == true }
      guard isOwn else {
        throw .misdirected(host: header)
      }
    }
  }
}
