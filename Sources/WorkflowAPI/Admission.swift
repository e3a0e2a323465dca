import ExactJSON
import FastCGI

/// Who may use the API: clients on this host, or everybody where the operator says so.
struct Admission: Sendable {
  /// Whether clients that are not on this host are answered too (`WF_ALLOW_ANONYMOUS=1`).
  let allowsAnonymous: Bool
  /// The host of the site's own address (`WF_URL`), in lower case.
  private let siteHost: String?

  /// - Parameter siteURL: the address at which the site is meant to be used.
  init(allowsAnonymous: Bool, siteURL: String) {
    self.allowsAnonymous = allowsAnonymous
    siteHost = HostName.ofURL(siteURL)
  }

  /// Refuses a client that may not.
  func check(_ request: FastCGIRequest) throws(APIError) {
    if allowsAnonymous { return }
    let address = request.parameter("REMOTE_ADDR") ?? ""
    // No browser connects to a unix socket.
    if address.hasSameScalars(as: "unix:") { return }
    let own = ownAddress(address, request)
    guard LoopbackAddress.matches(address) || own != nil else { throw .unauthorized }
    try checkHost(request.headers("Host"), ownAddress: own)
  }

  /// The client's address, if the web server was reached at the same one (`SERVER_ADDR`): then the client is on the web
  /// server's host and uses its public address. Only a host has connections from an address to itself.
  ///
  /// The addresses of this host's interfaces say less: a router or a bridge between the client and a web server in a
  /// container may put one of them in the client's place.
  private func ownAddress(_ address: String, _ request: FastCGIRequest) -> String? {
    guard !address.isEmpty, let server = request.parameter("SERVER_ADDR"), server.hasSameScalars(as: address) else {
      return nil
    }
    return address
  }

  /// Refuses a request that is meant for another host.
  ///
  /// A page of a foreign site reaches a server on the visitor's own host when the site's name resolves to a loopback
  /// address (DNS rebinding). The browser takes both for one origin, but it sends the foreign name as `Host`. A request
  /// without any `Host` is refused as well: some web servers drop the name of an HTTP/2 or HTTP/3 request.
  private func checkHost(_ headers: [String], ownAddress: String?) throws(APIError) {
    guard let first = headers.first, !first.isEmpty else { throw .misdirected(host: nil) }
    for header in headers {
      let name = HostName.ofHeader(header)
      let own = [siteHost, ownAddress].compactMap(\.self)
      guard HostName.isLoopback(name) || own.contains(where: { $0.hasSameScalars(as: name) }) else {
        throw .misdirected(host: header)
      }
    }
  }
}

/// Host names as URLs and `Host` headers hold them (RFC 3986, section 3.2.2).
enum HostName {
  /// The name of a `Host` header: without port, brackets and trailing dot, ASCII letters in lower case.
  static func ofHeader(_ header: String) -> String { name(Array(header.utf8)[...]) }

  /// The host of a URL with `//`, in the same form; nil when there is none.
  static func ofURL(_ url: String) -> String? {
    let bytes = Array(url.utf8)
    guard let slashes = bytes.firstRange(of: Array("//".utf8)) else { return nil }
    let authority = bytes[slashes.upperBound...].prefix { !"/?#".utf8.contains($0) }
    let host = authority.lastIndex(of: UInt8(ascii: "@")).map { authority[($0 + 1)...] } ?? authority
    let found = name(host)
    return found.isEmpty ? nil : found
  }

  /// Whether a name in that form always means the host itself (RFC 6761, section 6.3).
  static func isLoopback(_ name: String) -> Bool {
    if LoopbackAddress.matches(name) || name.hasSameScalars(as: "localhost") { return true }
    return name.utf8.suffix(10).elementsEqual(".localhost".utf8)
  }

  private static func name(_ authority: ArraySlice<UInt8>) -> String {
    var name = authority
    if name.first == UInt8(ascii: "["), let bracket = name.firstIndex(of: UInt8(ascii: "]")) {
      name = name[..<bracket].dropFirst()
    } else if let colon = name.firstIndex(of: UInt8(ascii: ":")) {
      name = name[..<colon]
    }
    if name.last == UInt8(ascii: ".") { name.removeLast() }
    return String(decoding: name.map(lowercase), as: UTF8.self)
  }

  private static func lowercase(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
  }
}
