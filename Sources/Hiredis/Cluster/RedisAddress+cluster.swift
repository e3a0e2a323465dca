extension RedisAddress {
  /// Whether the hosts are nodes of a Redis Cluster.
  public var isCluster: Bool { if case .cluster = endpoint { true } else { false } }

  /// The text that decides the slot of all keys which begin with a prefix; nil where each key's other text does.
  public static func hashTag(of prefix: String) -> String? {
    guard let open = prefix.utf8.firstIndex(of: UInt8(ascii: "{")) else { return nil }
    let rest = prefix.utf8[prefix.utf8.index(after: open)...]
    guard let close = rest.firstIndex(of: UInt8(ascii: "}")), close > rest.startIndex else { return nil }
    return String(rest[..<close])
  }
}
