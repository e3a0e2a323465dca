/// What all requests of a client share.
public struct HTTPClientConfiguration: Sendable {
  /// Where a proxy may come from.
  public enum Proxy: Sendable {
    /// No proxy, whatever the environment says.
    case none
    /// As `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` say.
    case environment
  }

  /// Environment variables are obeyed only when this says so.
  public var proxy: Proxy

  /// Requests beyond it wait in line for a connection. With HTTP/2 a connection carries many requests.
  public var maxConnectionsPerHost: Int

  /// Connections kept open for the next request, all hosts together. With fewer than there are requests at once,
  /// connections are closed and made anew all the time.
  public var maxIdleConnections: Int

  /// A connection with unacknowledged data, or one that does not answer keepalive probes, is given up after this time
  /// (TCP_USER_TIMEOUT, tcp(7)). Without it a connection whose packets are lost would take the system 15 minutes, and all
  /// requests on it with it.
  public var unacknowledgedTimeout: Duration

  /// A connection older than this takes no further request.
  public var maxConnectionAge: Duration

  /// Certificates of the authorities to trust beside those of the system, in PEM; nil for the system's alone.
  public var authoritiesFile: String?

  /// Sent by requests that have no `User-Agent` of their own; nil sends none.
  public var userAgent: String?

  /// A configuration fit for a thousand requests at once to one host.
  public init(
    proxy: Proxy = .none, maxConnectionsPerHost: Int = 1024, maxIdleConnections: Int = 1100,
    unacknowledgedTimeout: Duration = .seconds(20), maxConnectionAge: Duration = .seconds(300),
    authoritiesFile: String? = nil, userAgent: String? = nil
  ) {
    self.proxy = proxy
    self.maxConnectionsPerHost = maxConnectionsPerHost
    self.maxIdleConnections = maxIdleConnections
    self.unacknowledgedTimeout = unacknowledgedTimeout
    self.maxConnectionAge = maxConnectionAge
    self.authoritiesFile = authoritiesFile
    self.userAgent = userAgent
  }
}
