/// RFC 8259, section 6: `[ minus ] int [ frac ] [ exp ]`.
///
/// A number ends where the grammar ends; the caller checks the next byte.
struct NumberGrammar {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position: Int

  /// The offset after the number at `start`; nil if there is no number.
  static func end(ofNumberAt start: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var number = Self(bytes: bytes, position: start)
    _ = number.skip { $0 == UInt8(ascii: "-") }
    guard number.skipInteger(), number.skipFraction(), number.skipExponent() else { return nil }
    return number.position
  }

  private mutating func skipInteger() -> Bool {
    if skip({ $0 == UInt8(ascii: "0") }) { return !skipDigits() }
    return skipDigits()
  }

  private mutating func skipFraction() -> Bool {
    guard skip({ $0 == UInt8(ascii: ".") }) else { return true }
    return skipDigits()
  }

  private mutating func skipExponent() -> Bool {
    guard skip({ $0 | 0x20 == UInt8(ascii: "e") }) else { return true }
    _ = skip { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
    return skipDigits()
  }

  /// - Returns: whether there was at least one digit.
  private mutating func skipDigits() -> Bool {
    let start = position
    while skip({ $0 &- UInt8(ascii: "0") < 10 }) {}
    return position > start
  }

  @inline(__always)
  private mutating func skip(_ isWanted: (UInt8) -> Bool) -> Bool {
    guard position < bytes.count, isWanted(bytes[position]) else { return false }
    position += 1
    return true
  }
}
