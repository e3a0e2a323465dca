public import Curl

/// What `http_request` may reach. By default it may reach nothing.
public struct HTTPAccess: Sendable, Equatable {
  /// The hosts (`WF_HTTP_ALLOW`).
  public let hosts: [HTTPHostPattern]
  /// Addresses that are not public and may be reached nevertheless (`WF_HTTP_ALLOW_PRIVATE`).
  public let privateBlocks: [IPAddressBlock]

  /// Access to these hosts.
  public init(hosts: [HTTPHostPattern] = [], privateBlocks: [IPAddressBlock] = []) {
    self.hosts = hosts
    self.privateBlocks = privateBlocks
  }

  /// Whether nothing may be reached.
  public var isOff: Bool { hosts.isEmpty }

  /// Whether a connection to an address may be opened. The caller must pass the address of the connection itself,
  /// since a name may resolve to another one each time.
  public func allows(_ address: IPAddress) -> Bool {
    address.isPublic || privateBlocks.contains { $0.contains(address) }
  }

  /// Reads a URL that may be requested.
  /// - Throws: why it may not, without anything of the URL but host and port.
  func url(_ text: String) throws(HTTPURLError) -> HTTPURL {
    guard !isOff else { throw HTTPURLError(description: HTTPAccess.isOffMessage) }
    let url = try HTTPURL(text)
    try check(url)
    return url
  }

  /// Checks that a URL may be requested.
  func check(_ url: HTTPURL) throws(HTTPURLError) {
    guard hosts.contains(where: { $0.matches(url) }) else {
      throw HTTPURLError(description: "\(url.origin) is not allowed (WF_HTTP_ALLOW)")
    }
    if let address = IPAddress(url.host), !allows(address) {
      throw HTTPURLError(description: "the address \(address) is not public (WF_HTTP_ALLOW_PRIVATE)")
    }
  }

  private static let isOffMessage = "http_request is off: the operator allows no host (WF_HTTP_ALLOW)"
}
