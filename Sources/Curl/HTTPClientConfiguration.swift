/// The configuration that all requests of a client share.
public struct HTTPClientConfiguration: Sendable {
  /// How to choose a proxy.
  public enum Proxy: Sendable {
    /// No proxy; environment variables are ignored.
    case none
    /// From `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`.
    case environment
  }

  /// The proxy; environment variables are ignored by default.
  public var proxy: Proxy

  /// The most connections per host; further requests wait. An HTTP/2 connection serves many requests at a time.
  public var maxConnectionsPerHost: Int

  /// The most idle connections of all hosts. If it is less than the number of concurrent requests, connections are
  /// closed and opened all the time.
  public var maxIdleConnections: Int

  /// How long sent data or keepalive probes may stay unacknowledged before the connection is closed (TCP_USER_TIMEOUT,
  /// tcp(7)). The system's default is 15 minutes, for which all requests on a lost connection would wait.
  public var unacknowledgedTimeout: Duration

  /// The age after which a connection is not used for further requests.
  public var maxConnectionAge: Duration

  /// The path of a PEM file with authorities to trust in addition to the system's; nil for none.
  public var authoritiesFile: String?

  /// The `User-Agent` of requests without such a header; nil to send none.
  public var userAgent: String?

  /// Whether a connection to an address may be opened; nil for any. It is asked with the address that the socket is
  /// opened for, so what a name resolves to cannot change in between. With a proxy that is the proxy's address.
  public var allowsAddress: (@Sendable (IPAddress) -> Bool)?

  /// Creates a configuration; the defaults suit a thousand concurrent requests to one host.
  public init(
    proxy: Proxy = .none, maxConnectionsPerHost: Int = 1024, maxIdleConnections: Int = 1100,
    unacknowledgedTimeout: Duration = .seconds(20), maxConnectionAge: Duration = .seconds(300),
    authoritiesFile: String? = nil, userAgent: String? = nil, allowsAddress: (@Sendable (IPAddress) -> Bool)? = nil
  ) {
    self.proxy = proxy
    self.maxConnectionsPerHost = maxConnectionsPerHost
    self.maxIdleConnections = maxIdleConnections
    self.unacknowledgedTimeout = unacknowledgedTimeout
    self.maxConnectionAge = maxConnectionAge
    self.authoritiesFile = authoritiesFile
    self.userAgent = userAgent
    self.allowsAddress = allowsAddress
  }
}
