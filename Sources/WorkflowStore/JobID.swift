/// The id of a run: a UUID in lower case (RFC 9562, version 4).
public struct JobID: Sendable, Hashable, CustomStringConvertible {
  /// The 36 characters.
  public let description: String

  /// A random id.
  public init() {
    var generator = SystemRandomNumberGenerator()
    self.init(high: generator.next(), low: generator.next())
  }

  /// Reads an id as a client writes it, in either case; nil when it is no UUID.
  public init?(_ text: String) {
    let bytes = text.utf8.span
    guard bytes.count == 36 else { return nil }
    var isLower = true
    for index in bytes.indices {
      let byte = bytes[index]
      guard Self.isHyphen(index) ? byte == UInt8(ascii: "-") : Self.digit(byte) != nil else { return nil }
      if (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte) { isLower = false }
    }
    description = isLower ? text : text.lowercased()
  }

  /// The id that belongs to a request id of 32 hexadecimal digits (nginx's `$request_id`), so that a request that
  /// nginx sends twice is one job; nil when the text is none.
  public init?(requestID: String) {
    let bytes = requestID.utf8.span
    guard bytes.count == 32 else { return nil }
    var (high, low) = (UInt64(0), UInt64(0))
    for index in bytes.indices {
      guard let digit = Self.digit(bytes[index]) else { return nil }
      high = high << 4 | low >> 60
      low = low << 4 | digit
    }
    self.init(high: high, low: low)
  }

  /// The id that takes the place of this one where this one cannot be used: always the same.
  var successor: JobID {
    var digits = Array(description.utf8)
    for index in digits.indices.reversed() where !Self.isHyphen(index) {
      let digit = ((Self.digit(digits[index]) ?? 0) + 1) & 0xf
      digits[index] = UInt8(digit) + UInt8(ascii: digit < 10 ? "0" : "W")
      // Version and variant stay.
      if digit != 0 || index == 24 { break }
    }
    return JobID(text: String(decoding: digits, as: UTF8.self))
  }

  private init(text: String) { description = text }

  private static func isHyphen(_ index: Int) -> Bool { index == 8 || index == 13 || index == 18 || index == 23 }

  private init(high: UInt64, low: UInt64) {
    let versioned = high & ~0xf000 | 0x4000
    let varied = low & ~(0b11 << 62) | (0b10 << 62)
    description = String(unsafeUninitializedCapacity: 36) { text in
      var digit = 0
      for index in 0..<36 {
        if Self.isHyphen(index) {
          text[index] = UInt8(ascii: "-")
          continue
        }
        let word = digit < 16 ? versioned : varied
        let nibble = UInt8(word >> (60 - 4 * UInt64(digit % 16)) & 0xf)
        text[index] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
        digit += 1
      }
      return 36
    }
  }

  /// The value of a hexadecimal digit.
  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}
