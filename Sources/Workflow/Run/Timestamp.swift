/// A point in time by Redis's clock, in microseconds since 1970.
///
/// Wherever wf shows or stores one it is in seconds with six decimals: `1732387200.123456`.
public struct Timestamp: Sendable, Comparable {
  /// Microseconds since 1970, not below 0.
  public let microseconds: Int

  /// A point in time.
  public init(microseconds: Int) { self.microseconds = max(0, microseconds) }

  /// Reads seconds with six decimals; nil when the text has another form.
  public init?(_ text: ArraySlice<UInt8>) {
    // Twelve digits of seconds reach beyond the year 30000.
    guard (8...19).contains(text.count) else { return nil }
    let point = text.endIndex - 7
    guard text[point] == UInt8(ascii: "."), let seconds = Int(digits: text[..<point]),
      let rest = Int(digits: text[(point + 1)...])
    else { return nil }
    microseconds = seconds * 1_000_000 + rest
  }

  /// The earlier of two comes first.
  public static func < (one: Timestamp, other: Timestamp) -> Bool { one.microseconds < other.microseconds }

  /// The point in time a duration later.
  public static func + (time: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(microseconds: time.microseconds + wholeMicroseconds(duration))
  }

  /// The point in time a duration earlier.
  public static func - (time: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(microseconds: time.microseconds - wholeMicroseconds(duration))
  }

  /// How long a point in time is after another one.
  public static func - (one: Timestamp, other: Timestamp) -> Duration {
    .microseconds(one.microseconds - other.microseconds)
  }

  private static func wholeMicroseconds(_ duration: Duration) -> Int {
    Int(duration.components.seconds) * 1_000_000 + Int(duration.components.attoseconds / 1_000_000_000_000)
  }

  /// Appends seconds with six decimals.
  public func write(to buffer: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { text in
      var start = text.count
      func add(_ digit: UInt) {
        start -= 1
        text[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
      }
      var (seconds, rest) = UInt(microseconds).quotientAndRemainder(dividingBy: 1_000_000)
      for _ in 0..<6 {
        add(rest % 10)
        rest /= 10
      }
      start -= 1
      text[start] = UInt8(ascii: ".")
      repeat {
        add(seconds % 10)
        seconds /= 10
      } while seconds > 0
      buffer.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
    }
  }

  /// Seconds with six decimals.
  public var text: String {
    var buffer: [UInt8] = []
    write(to: &buffer)
    return String(decoding: buffer, as: UTF8.self)
  }
}

extension Int {
  /// Reads 1 to 18 decimal digits; nil when the text has another form.
  package init?(digits text: ArraySlice<UInt8>) {
    guard (1...18).contains(text.count) else { return nil }
    self = 0
    for byte in text {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      self = self * 10 + Int(byte - UInt8(ascii: "0"))
    }
  }
}
