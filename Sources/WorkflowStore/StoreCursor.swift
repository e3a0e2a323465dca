/// Which store is meant: the names of its owner and of itself.
public struct StoreName: Sendable, Equatable {
  /// Whose runs write to it; nil for those without an owner.
  public let owner: String?
  /// What a step calls it.
  public let namespace: String

  /// Names a store.
  public init(_ namespace: String, of owner: String?) {
    self.namespace = namespace
    self.owner = owner
  }
}

/// Where a page of a store ends: a place in the list of each partition.
public struct StoreCursor: Sendable, Equatable, CustomStringConvertible {
  /// The place before the newest value, and that behind the oldest.
  static let (start, end) = ("0", "x")

  /// What one looks like, as a regular expression.
  /// - Parameter partitions: how many there are.
  public static func pattern(partitions: Int) -> String {
    let place = "(?:[0x]|[1-9][0-9]{0,8}-(?:[0-9]{1,9}-){3}[0-9a-f]{24})"
    return "^\(place)(?:_\(place)){\(partitions - 1)}$"
  }

  /// The places as values.lua writes them, by partition.
  var places: [String]

  /// The beginning of a store.
  init(partitions: Int) { places = Array(repeating: Self.start, count: partitions) }

  /// Reads one; nil when it is none of a page of this number of partitions.
  public init?(_ text: String, partitions: Int) {
    places = text.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
    guard places.count == partitions, places.allSatisfy(Self.isPlace) else { return nil }
  }

  /// The text that clients hand back.
  public var description: String { places.joined(separator: "_") }

  /// Whether there are no more values.
  public var isAtEnd: Bool { places.allSatisfy { $0 == Self.end } }

  private static func isPlace(_ text: String) -> Bool {
    if text == start || text == end { return true }
    let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    guard parts.count == 5, parts[4].count == 24 else { return false }
    return parts[0].first != UInt8(ascii: "0")
      && parts[..<4].allSatisfy { (1...9).contains($0.count) && $0.allSatisfy(isDigit) }
      && parts[4].allSatisfy { isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
  }
}
