public import Curl
public import Workflow

/// Where callbacks may go: by default to every public address.
public struct CallbackAccess: Sendable, Equatable {
  /// The hosts (`WF_CALLBACK_ALLOW`); none for all.
  private let hosts: [HTTPHostPattern]
  /// The addresses that are not public and may be reached nevertheless (`WF_CALLBACK_ALLOW_PRIVATE`).
  private let addresses: HTTPAccess

  /// Access to these hosts, to all if there are none, at public addresses and those of the blocks.
  public init(hosts: [HTTPHostPattern] = [], privateBlocks: [IPAddressBlock] = []) {
    self.hosts = hosts
    addresses = HTTPAccess(privateBlocks: privateBlocks)
  }

  /// Whether a connection to an address may be opened. The caller must pass the address of the connection itself.
  public func allows(_ address: IPAddress) -> Bool { addresses.allows(address) }

  /// Reads a URL that may be called.
  /// - Throws: why it may not, without anything of the URL but host and port.
  public func url(_ text: String) throws(HTTPURLError) -> HTTPURL {
    let url = try HTTPURL(text)
    guard hosts.isEmpty || hosts.contains(where: { $0.matches(url) }) else {
      throw HTTPURLError(description: "callbacks to \(url.origin) are not allowed (WF_CALLBACK_ALLOW)")
    }
    // libcurl takes these names for the loopback address without asking anybody.
    let isLocal = url.host == "localhost" || url.host.hasSuffix(".localhost")
    let addresses =
      isLocal ? ["127.0.0.1", "::1"].compactMap { IPAddress($0) } : [IPAddress(url.host)].compactMap(\.self)
    if let address = addresses.first, !addresses.contains(where: allows) {
      let subject = isLocal ? "the address of \(url.host)" : "the address \(address)"
      throw HTTPURLError(description: "\(subject) is not public (WF_CALLBACK_ALLOW_PRIVATE)")
    }
    return url
  }

  /// What is wrong with a URL; nil when it may be called.
  public func fault(of text: String) -> String? {
    do throws(HTTPURLError) {
      _ = try url(text)
      return nil
    } catch {
      return error.description
    }
  }

  /// Says what is wrong with a `callback_url`.
  /// - Parameter access: nil where callbacks are off.
  public static func check(_ access: CallbackAccess?) -> CallbackCheck {
    { text in access.map { $0.fault(of: text) } ?? Callbacks.areOff }
  }

  /// A client that opens connections only to addresses that are allowed, and uses no proxy: the address of a connection
  /// would be the proxy's.
  public func client(authoritiesFile: String? = nil, userAgent: String? = nil) -> HTTPClient {
    HTTPClient(
      HTTPClientConfiguration(
        proxy: .none, maxIdleConnections: 64, authoritiesFile: authoritiesFile, userAgent: userAgent,
        allowsAddress: { allows($0) }))
  }
}
