/// A request to send. It is checked when it is sent, not when it is made.
public struct HTTPRequest: Sendable {
  /// In capital letters, as HTTP wants it.
  public var method: String

  /// With its scheme, `http` or `https`.
  public var url: String

  /// In the order of the wire. What frames the message (`Content-Length`, `Transfer-Encoding`, `Expect`) belongs to
  /// the client and is refused.
  public var headers: [HTTPHeader]

  /// Nil and empty differ only where a method needs no body: a POST, PUT or PATCH always says how long its body is.
  public var body: [UInt8]?

  /// For name lookup, TCP and TLS together. The client's queue counts too, once a host has all its connections.
  public var connectTimeout: Duration

  /// From the start to the last byte of the response.
  public var timeout: Duration

  /// Whether a new connection is made for it, because an old one seems to be dead.
  public var needsFreshConnection = false

  /// The longest body that is accepted, counted after decompression.
  public var maxResponseBytes: Int

  /// A request with the limits that suit most calls.
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
  /// The method and the URL without what may be secret: user, password, query, fragment, headers, body.
  public var description: String {
    let open = url.prefix { $0 != "?" && $0 != "#" }
    guard let scheme = open.firstRange(of: "://") else { return method }
    let rest = open[scheme.upperBound...]
    let authority = rest.prefix { $0 != "/" }
    let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
    return "\(method) \(open[..<scheme.upperBound])\(host)\(rest[authority.endIndex...])"
  }
}
