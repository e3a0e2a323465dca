/// A point in time by Redis's clock, in microseconds since 1970.
///
/// Wherever wf shows or stores one it is in seconds with six decimals: `1732387200.123456`.
public struct Timestamp: Sendable, Comparable {
  /// Microseconds since 1970, not below 0.
  public let microseconds: Int

  /// A point in time.
  public init(microseconds: Int) { self.microseconds = max(0, microseconds) }

  /// Reads seconds with six decimals; nil when the text has another form.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let isNumber = parts.allSatisfy { $0.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } }
    // Twelve digits of seconds reach beyond the year 30000.
    guard parts.count == 2, isNumber, parts[0].utf8.count <= 12, parts[1].utf8.count == 6, let seconds = Int(parts[0]),
      let rest = Int(parts[1])
    else { return nil }
    microseconds = seconds * 1_000_000 + rest
  }

  /// The earlier of two comes first.
  public static func < (one: Timestamp, other: Timestamp) -> Bool { one.microseconds < other.microseconds }

  /// Appends seconds with six decimals.
  public func write(to buffer: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { text in
      var rest = UInt(microseconds)
      var start = text.count
      while rest > 0 || start > text.count - 8 {
        start -= 1
        if start == text.count - 7 {
          text[start] = UInt8(ascii: ".")
        } else {
          text[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
          rest /= 10
        }
      }
      buffer.append(contentsOf: text[start...])
    }
  }

  /// Seconds with six decimals.
  public var text: String {
    var buffer: [UInt8] = []
    write(to: &buffer)
    return String(decoding: buffer, as: UTF8.self)
  }
}
