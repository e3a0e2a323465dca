import LinuxSupport

/// Parses the URL of a Redis server.
///
/// A password is recognised even if its `/`, `@` or `:` are not percent-encoded, so that no part of it is mistaken for
/// a host and quoted in an error.
struct RedisAddressParser {
  typealias Login = (user: String?, password: String?)

  private static let longestSocketPath = 107  // sun_path less its terminating zero

  private let url: String

  /// Creates a parser.
  init(_ url: String) {
    self.url = url
  }

  /// Parses the URL.
  /// - Throws: `RedisAddressError`, which says what is wrong.
  func parse() throws(RedisAddressError) -> RedisAddress {
    guard let schemeEnd = url.firstRange(of: "://") else {
      throw RedisAddressError(
        "A Redis address begins with redis://, rediss:// (TLS), redis+unix://, redis+sentinel:// or redis+cluster://, such "
          + "as redis://127.0.0.1:6379/0.")
    }
    let rest = url[schemeEnd.upperBound...]
    let scheme = url[..<schemeEnd.lowerBound].lowercased()
    switch scheme {
    case "redis": return try parseTCP(rest)
    case "redis+unix": return try parseUnix(rest)
    case "redis+sentinel": return try parseSentinels(rest)
    case "redis+cluster": return try parseCluster(rest)
    case "rediss", "rediss+cluster":
      var address = scheme == "rediss" ? try parseTCP(rest) : try parseCluster(rest)
      address.tls = RedisTLS()
      return address
    default:
      throw RedisAddressError(
        "The scheme of a Redis address is redis://, rediss://, redis+unix://, redis+sentinel://, redis+cluster:// or "
          + "rediss+cluster://; change what is before \"://\".")
    }
  }

  private func parseTCP(_ rest: Substring) throws(RedisAddressError) -> RedisAddress {
    let loginEnd = rest.lastIndex(of: "@")
    let login = try parseLogin(loginEnd.map { rest[..<$0] })
    let location = loginEnd.map { rest[rest.index(after: $0)...] } ?? rest
    let parts = location.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let host = try parseHost(parts[0], defaultPort: 6379, example: "redis://127.0.0.1:6379/0")
    return RedisAddress(
      endpoint: .tcp(host: host.name, port: host.port), user: login.user, password: login.password,
      database: try parseDatabase(parts.count > 1 ? parts[1] : ""))
  }

  private func parseUnix(_ rest: Substring) throws(RedisAddressError) -> RedisAddress {
    let loginEnd = rest.hasPrefix("/") ? nil : rest.firstRange(of: "@/")?.lowerBound
    let login = try parseLogin(loginEnd.map { rest[..<$0] })
    let location = loginEnd.map { rest[rest.index(after: $0)...] } ?? rest
    let parts = location.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = String(parts[0])
    guard path.hasPrefix("/"), path.count > 1 else {
      throw RedisAddressError(
        "A redis+unix address needs the absolute path of a socket, such as redis+unix:///run/redis/redis.sock?db=0.")
    }
    guard path.utf8.count <= Self.longestSocketPath else {
      let limit = Self.longestSocketPath
      let start = String(decoding: path.utf8.prefix(limit), as: UTF8.self)
      throw RedisAddressError("The path of a unix socket has at most \(limit) bytes; move it: \(start)…")
    }
    return RedisAddress(
      endpoint: .unix(path: path), user: login.user, password: login.password,
      database: try parseQuery(parts.count > 1 ? parts[1] : nil))
  }

  private func parseQuery(_ query: Substring?) throws(RedisAddressError) -> Int {
    guard let query else { return 0 }
    guard query.hasPrefix("db=") else {
      throw RedisAddressError("After the \"?\" of a redis+unix address only db=n is known, such as ?db=0.")
    }
    return try parseDatabase(query.dropFirst(3))
  }

  func parseDatabase(_ text: Substring) throws(RedisAddressError) -> Int {
    if text.isEmpty { return 0 }
    guard let database = Int(text), database >= 0 else {
      throw RedisAddressError("The database of a Redis address is a number from 0 up, with nothing after it.")
    }
    return database
  }

  /// Parses a host with or without a port.
  /// - Parameter example: an address as it should be, for the error.
  func parseHost(
    _ text: Substring, defaultPort: Int, example: String
  ) throws(RedisAddressError) -> RedisAddress.Host {
    let (host, tail) = Self.splitHost(text)
    guard !host.isEmpty, host.allSatisfy({ $0.isASCII && !$0.isWhitespace }) else {
      throw RedisAddressError(
        "A Redis address needs a host, such as \(example); put a numeric IPv6 host in brackets.")
    }
    if tail.isEmpty { return RedisAddress.Host(name: String(host), port: defaultPort) }
    guard tail.hasPrefix(":"), let port = UInt16(tail.dropFirst()), port > 0 else {
      throw RedisAddressError(
        "The port of a Redis address is a number from 1 to 65535; a password is followed by @ and the host.")
    }
    return RedisAddress.Host(name: String(host), port: Int(port))
  }

  /// The host without its brackets, and the port with its colon, if any; no host if a bracket is not closed.
  private static func splitHost(_ text: Substring) -> (host: Substring, tail: Substring) {
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { return ("", "") }
      return (text[..<end].dropFirst(), text[end...].dropFirst())
    }
    let end = text.firstIndex(of: ":") ?? text.endIndex
    return (text[..<end], text[end...])
  }

  func parseLogin(_ text: Substring?) throws(RedisAddressError) -> Login {
    guard let text else { return (nil, nil) }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let user = try decode(parts[0])
    let password = parts.count > 1 ? try decode(parts[1]) : ""
    return (user.isEmpty ? nil : user, password.isEmpty ? nil : password)
  }

  func decode(_ text: Substring) throws(RedisAddressError) -> String {
    guard let decoded = String(percentDecoding: text) else { throw Self.malformedEscape }
    return decoded
  }

  private static let malformedEscape = RedisAddressError(
    "In the user, the password and the primary's name of a Redis address a percent sign is followed by two hexadecimal "
      + "digits of UTF-8; write %25 for the sign itself.")
}
