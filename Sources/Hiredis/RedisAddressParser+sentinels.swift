extension RedisAddressParser {
  private static let sentinelPort = 26379
  private static let sentinelExample = "redis+sentinel://10.0.0.1:26379,10.0.0.2,10.0.0.3/mymaster/0"

  /// Parses what follows `redis+sentinel://`.
  func parseSentinels(_ rest: Substring) throws(RedisAddressError) -> RedisAddress {
    let loginEnd = rest.lastIndex(of: "@")
    let login = try parseLogin(loginEnd.map { rest[..<$0] })
    let location = loginEnd.map { rest[rest.index(after: $0)...] } ?? rest
    let parts = location.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    let hosts = try parseHosts(parts[0], defaultPort: Self.sentinelPort, example: Self.sentinelExample)
    if let twice = hosts.first(where: { host in hosts.count { $0 == host } > 1 }) {
      throw RedisAddressError("A redis+sentinel address names each sentinel once; \(twice) is there twice.")
    }
    return RedisAddress(
      endpoint: .sentinels(hosts, name: try parsePrimary(parts.count > 1 ? parts[1] : "")), user: login.user,
      password: login.password, database: try parseDatabase(parts.count > 2 ? parts[2] : ""))
  }

  private func parsePrimary(_ text: Substring) throws(RedisAddressError) -> String {
    let name = try decode(text)
    // What Sentinel takes as a name; a question mark would begin a query, which may hold a password.
    guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "?") }) else {
      throw RedisAddressError(
        "After its sentinels a redis+sentinel address has the name that they give to the primary (sentinel monitor NAME "
          + "in sentinel.conf), such as \(Self.sentinelExample).")
    }
    return name
  }
}
