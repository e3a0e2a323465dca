/// The address of a Redis server, with the user to log in as.
///
/// Written as `redis://[user:password@]host[:port][/db]`, the same with `rediss://` for TLS, or
/// `redis+unix://[user:password@]/path[?db=n]`.
public struct RedisAddress: Sendable, Equatable {
  /// An endpoint of a socket.
  public enum Endpoint: Sendable, Hashable {
    /// A host name or a numeric address, without brackets, and a port.
    case tcp(host: String, port: Int)
    /// The path of a unix socket.
    case unix(path: String)
  }

  /// The endpoint to connect to.
  public let endpoint: Endpoint

  /// The ACL user; nil for Redis's `default` user.
  public let user: String?

  /// The password; nil to send none.
  ///
  /// It can be set separately, since other processes may be able to read a URL.
  public var password: String?

  /// The path of a file with the password, used in place of `password`.
  ///
  /// It is read for every new connection, so a changed password needs no restart. Line breaks are ignored.
  public var passwordFile: String?

  /// The number of the database; 0 by default.
  public let database: Int

  /// How TLS is used; nil without TLS.
  public var tls: RedisTLS?

  /// Parses an address in one of the forms above; user and password are percent-decoded.
  /// - Throws: `RedisAddressError`, which says what is wrong.
  public init(_ url: String) throws(RedisAddressError) {
    self = try RedisAddressParser(url).parse()
  }

  /// Creates an address from its parts.
  init(endpoint: Endpoint, user: String?, password: String?, database: Int) {
    self.endpoint = endpoint
    self.user = user
    self.password = password
    self.database = database
  }
}

extension RedisAddress: CustomStringConvertible, CustomDebugStringConvertible {
  /// The address for logs. The password is shown as `***`; so is a user without a password, since redis-cli would read
  /// it as the password.
  public var description: String {
    let login =
      switch (user, password != nil || passwordFile != nil) {
      case (nil, false): ""
      case (_, false): "***@"
      case (let user, true): "\(user ?? ""):***@"
      }
    let scheme = tls == nil ? "redis" : "rediss"
    return switch endpoint {
    case .tcp(let host, let port) where host.contains(":"): "\(scheme)://\(login)[\(host)]:\(port)/\(database)"
    case .tcp(let host, let port): "\(scheme)://\(login)\(host):\(port)/\(database)"
    case .unix(let path): "redis+unix://\(login)\(path)?db=\(database)"
    }
  }

  /// The same as `description`, so that a dump shows no password either.
  public var debugDescription: String { description }
}

/// Why an address is invalid. The message says what to change, and never contains a password.
public struct RedisAddressError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The message.
  public let description: String

  /// Creates an error.
  init(_ description: String) {
    self.description = description
  }
}
