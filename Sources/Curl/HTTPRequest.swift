/// A request. It is validated when it is sent.
public struct HTTPRequest: Sendable {
  /// The method, in capital letters.
  public var method: String

  /// The URL, with the scheme `http` or `https`.
  public var url: String

  /// The headers, in the order in which they are sent. `Content-Length`, `Transfer-Encoding` and `Expect` are refused:
  /// the client sets them.
  public var headers: [HTTPHeader]

  /// The body. For POST, PUT and PATCH nil is the same as an empty one: they always have a `Content-Length`.
  public var body: [UInt8]?

  /// The timeout for name lookup, TCP and TLS together, and for the wait for a free connection to the host.
  public var connectTimeout: Duration

  /// The timeout from the start to the last byte of the response.
  public var timeout: Duration

  /// The longest time without a byte of the body, from its first one on; nil for no limit but `timeout`. The time in
  /// which the reader is behind does not count.
  public var idleTimeout: Duration?

  /// Whether to open a new connection, as when a kept one seems to be dead.
  public var needsFreshConnection = false

  /// Whether the client may read the body together with other such bodies, once for each 100 ms at the least: for those
  /// that come in many small pieces over a long time, of which each read then finds several. A body that is alone comes
  /// at once, and the wait grows with the number of connections, by 0.1 ms each.
  public var gathersBody = false

  /// The longest body that is accepted, in bytes after decompression.
  public var maxResponseBytes: Int

  /// Creates a request.
  public init(
    method: String = "GET", url: String, headers: [HTTPHeader] = [], body: [UInt8]? = nil,
    connectTimeout: Duration = .seconds(10), timeout: Duration = .seconds(60), maxResponseBytes: Int = 10 << 20
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.connectTimeout = connectTimeout
    self.timeout = timeout
    self.maxResponseBytes = maxResponseBytes
  }
}

extension HTTPRequest: CustomStringConvertible {
  /// The method and the URL, without user, password, query and fragment, which may be secret.
  public var description: String {
    let open = url.prefix { $0 != "?" && $0 != "#" }
    guard let scheme = open.firstRange(of: "://") else { return method }
    let rest = open[scheme.upperBound...]
    let authority = rest.prefix { $0 != "/" }
    let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
    return "\(method) \(open[..<scheme.upperBound])\(host)\(rest[authority.endIndex...])"
  }
}

/// A header field: the name in the sender's case, the value without the line break.
public typealias HTTPHeader = (name: String, value: String)

extension [HTTPHeader] {
  /// The value of the first field of a name, in any case; nil when there is none.
  func first(named name: String) -> String? {
    let wanted = name.lowercased()
    return first { $0.name.lowercased() == wanted }?.value
  }
}
