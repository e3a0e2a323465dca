/// Where a Redis is, and as whom to speak to it.
///
/// Written as `redis://[user:password@]host[:port][/db]` or `redis+unix://[user:password@]/path[?db=n]`.
public struct RedisAddress: Sendable, Equatable {
  /// What a socket connects to.
  public enum Endpoint: Sendable, Hashable {
    /// A host name or a numeric address, without brackets, and a port.
    case tcp(host: String, port: Int)
    /// The path of a unix socket.
    case unix(path: String)
  }

  /// What a socket connects to.
  public let endpoint: Endpoint

  /// The ACL user; nil for Redis's `default` user.
  public let user: String?

  /// The password; nil if none is sent.
  ///
  /// May be set apart from the URL, where others could read it.
  public var password: String?

  /// A file that holds the password; it wins over `password`.
  ///
  /// It is read for every new connection, so that a new password needs no restart. Line breaks are not part of the
  /// password.
  public var passwordFile: String?

  /// The number of the database, 0 unless the URL says otherwise.
  public let database: Int

  /// Parses an address; see the type for its two forms.
  ///
  /// User and password are percent-decoded.
  public init(_ url: String) throws(RedisAddressError) {
    self = try RedisAddressParser(url).parse()
  }

  /// An address from its parts.
  init(endpoint: Endpoint, user: String?, password: String?, database: Int) {
    self.endpoint = endpoint
    self.user = user
    self.password = password
    self.database = database
  }
}

extension RedisAddress: CustomStringConvertible, CustomDebugStringConvertible {
  /// The address for logs: the password is shown as `***`, and so is a lone user, in whose place redis-cli expects a
  /// password.
  public var description: String {
    let login =
      switch (user, password != nil || passwordFile != nil) {
      case (nil, false): ""
      case (_, false): "***@"
      case (let user, true): "\(user ?? ""):***@"
      }
    return switch endpoint {
    case .tcp(let host, let port) where host.contains(":"): "redis://\(login)[\(host)]:\(port)/\(database)"
    case .tcp(let host, let port): "redis://\(login)\(host):\(port)/\(database)"
    case .unix(let path): "redis+unix://\(login)\(path)?db=\(database)"
    }
  }

  /// The same as `description`, so that a dump shows no password either.
  public var debugDescription: String { description }
}
