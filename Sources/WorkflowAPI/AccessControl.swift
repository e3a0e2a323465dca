import AccessKeys
import ExactJSON
import FastCGI

/// Decides which clients may use the API: those with a key, where there is a file with keys; otherwise those on this
/// host, or all of them if the operator allows it.
struct AccessControl: Sendable {
  /// The keys in force; nil where requests need none.
  let keys: KeyRing?
  /// Whether clients on other hosts are answered (`WF_ALLOW_ANONYMOUS=1`).
  let allowsAnonymous: Bool
  /// The host of the site's URL (`WF_URL`), in lower case.
  private let siteHost: String?
  /// Whether the metrics are for an address (`WF_METRICS_ALLOW`).
  private let mayScrape: @Sendable (_ address: String) -> Bool

  /// - Parameters:
  ///   - siteURL: the URL of the site.
  ///   - mayScrape: whether an address reads the metrics without a key.
  init(
    allowsAnonymous: Bool, siteURL: String, keys: KeyRing? = nil,
    mayScrape: @escaping @Sendable (_ address: String) -> Bool = { _ in false }
  ) {
    self.keys = keys
    self.mayScrape = mayScrape
    self.allowsAnonymous = allowsAnonymous
    siteHost = HostName.ofURL(siteURL)
  }

  /// Checks a request.
  ///
  /// With keys it does not matter where a client is and which host it asks for: a page of a foreign site that reaches
  /// the API by its visitor's browser has no key: a browser adds the cookie of a login to requests of this API's pages
  /// alone (`SameSite=Strict`).
  /// - Returns: the key that it has; nil where requests need none.
  /// - Throws: `noKey`, `unknownKey` or `noKeys`; without keys `unauthorized` for a client on another host,
  ///   `misdirected` for a foreign `Host`.
  func check(_ request: FastCGIRequest) throws(APIError) -> AccessKey? {
    if isScrape(request) { return nil }
    guard let keys else {
      try checkPlace(of: request)
      return nil
    }
    guard keys.isLoaded else { throw .noKeys }
    guard let key = keys.key(for: try secret(in: request)) else {
      if keys.isEmpty { throw .noKeys }
      throw .unknownKey
    }
    return key
  }

  /// Whether a request reads the metrics, from an address that needs nothing else for that. One that sends a key is
  /// held to it. The address is that of the web server's peer: of a proxy, where there is one before the web server.
  private func isScrape(_ request: FastCGIRequest) -> Bool {
    guard request.path.hasSameScalars(as: MetricsRoute.path), request.headers("Authorization").allSatisfy(\.isEmpty)
    else { return false }
    return mayScrape(request.parameter("REMOTE_ADDR") ?? "")
  }

  /// Whether the key of a request is in a cookie: then a browser adds it by itself, and what changes something needs
  /// the token of a form.
  static func isByCookie(_ request: FastCGIRequest) -> Bool {
    request.headers("Authorization").allSatisfy(\.isEmpty) && Cookies.secret(in: request) != nil
  }

  /// Checks a request that needs no key.
  /// - Throws: without keys what ``check(_:)`` throws.
  func checkPublic(_ request: FastCGIRequest) throws(APIError) {
    if keys == nil { try checkPlace(of: request) }
  }

  /// The key that a request sends (RFC 6750, section 2.1), or that a login has put into a cookie.
  private func secret(in request: FastCGIRequest) throws(APIError) -> String {
    let headers = request.headers("Authorization").filter { !$0.isEmpty }
    guard let header = headers.first else {
      if let secret = Cookies.secret(in: request) { return secret }
      throw .noKey("this API wants a key")
    }
    guard headers.count == 1 else { throw .noKey("this API wants one key, and the request has several") }
    let scheme = header.utf8.prefix { $0 != UInt8(ascii: " ") }
    guard scheme.map(ASCII.lowercase) == Array("bearer".utf8) else {
      throw .noKey("this API wants a key, and the request authenticates itself in another way")
    }
    return String(decoding: ASCII.trimmed(Array(header.utf8.dropFirst(scheme.count))[...]), as: UTF8.self)
  }

  private func checkPlace(of request: FastCGIRequest) throws(APIError) {
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
