/// The address of a Redis server, with the user to log in as.
///
/// Written as `redis://[user:password@]host[:port][/db]`, the same with `rediss://` for TLS,
/// `redis+unix://[user:password@]/path[?db=n]`,
/// `redis+sentinel://[user:password@]host[:port],host[:port],…/name[/db]`, where the hosts are those of sentinels, or
/// `redis+cluster://[user:password@]host[:port],host[:port],…`, where the hosts are nodes of a Redis Cluster, the same
/// with `rediss+cluster://` for TLS.
public struct RedisAddress: Sendable, Equatable {
  /// A host and a port.
  public struct Host: Sendable, Hashable, CustomStringConvertible {
    /// A host name or a numeric address, without brackets.
    public let name: String
    /// The port.
    public let port: Int

    /// A host and a port.
    public init(name: String, port: Int) {
      self.name = name
      self.port = port
    }

    /// `host:port`, a numeric IPv6 address in brackets.
    public var description: String { name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)" }
  }

  /// A user and a password.
  public struct Login: Sendable, Equatable {
    /// The ACL user; nil for the `default` user.
    public var user: String?
    /// The password; nil to send none.
    public var password: String?
    /// The path of a file with the password, used in place of `password`, and read for every new connection.
    public var passwordFile: String?

    /// A login; without a password none is sent.
    public init(user: String? = nil, password: String? = nil, passwordFile: String? = nil) {
      self.user = user
      self.password = password
      self.passwordFile = passwordFile
    }
  }

  /// Where the server is.
  public enum Endpoint: Sendable, Hashable {
    /// A host name or a numeric address, without brackets, and a port.
    case tcp(host: String, port: Int)
    /// The path of a unix socket.
    case unix(path: String)
    /// The primary that sentinels know by this name (`sentinel monitor NAME …`).
    case sentinels([Host], name: String)
    /// Nodes of a Redis Cluster, which are asked for the others. The login and TLS are those of every node.
    case cluster([Host])
  }

  /// The endpoint to connect to.
  public private(set) var endpoint: Endpoint

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

  /// The login at the sentinels, which have users and passwords of their own.
  public var sentinelLogin = Login()

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

  /// The address of one node of the cluster.
  func node(_ host: Host) -> RedisAddress {
    var address = self
    address.endpoint = .tcp(host: host.name, port: host.port)
    return address
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
    case .tcp(let host, let port): "\(scheme)://\(login)\(Host(name: host, port: port))/\(database)"
    case .unix(let path): "redis+unix://\(login)\(path)?db=\(database)"
    case .sentinels(let hosts, let name):
      "redis+sentinel://\(login)\(hosts.map(\.description).joined(separator: ","))/\(name)/\(database)"
    case .cluster(let hosts): "\(scheme)+cluster://\(login)\(hosts.map(\.description).joined(separator: ","))"
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
