extension RedisAddressParser {
  private static let clusterExample = "redis+cluster://10.0.0.1:6379,10.0.0.2,10.0.0.3"

  /// Parses what follows `redis+cluster://`.
  func parseCluster(_ rest: Substring) throws(RedisAddressError) -> RedisAddress {
    let loginEnd = rest.lastIndex(of: "@")
    let login = try parseLogin(loginEnd.map { rest[..<$0] })
    let location = loginEnd.map { rest[rest.index(after: $0)...] } ?? rest
    let parts = location.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let hosts = try parseHosts(parts[0], defaultPort: 6379, example: Self.clusterExample)
    if let twice = hosts.first(where: { host in hosts.count { $0 == host } > 1 }) {
      throw RedisAddressError("A redis+cluster address names each node once; \(twice) is there twice.")
    }
    guard try parseDatabase(parts.count > 1 ? parts[1] : "") == 0 else {
      throw RedisAddressError("A Redis Cluster has database 0 only; leave out what follows the hosts.")
    }
    return RedisAddress(endpoint: .cluster(hosts), user: login.user, password: login.password, database: 0)
  }

  /// Parses hosts that commas separate.
  func parseHosts(
    _ text: Substring, defaultPort: Int, example: String
  ) throws(RedisAddressError) -> [RedisAddress.Host] {
    var hosts: [RedisAddress.Host] = []
    for host in text.split(separator: ",", omittingEmptySubsequences: false) {
      hosts.append(try parseHost(host, defaultPort: defaultPort, example: example))
    }
    return hosts
  }
}
