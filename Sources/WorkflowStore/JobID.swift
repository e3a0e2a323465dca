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
    guard text.utf8.count == 36 else { return nil }
    for (index, byte) in text.utf8.enumerated() {
      guard JobID.isHyphen(index) ? byte == UInt8(ascii: "-") : JobID.isHexadecimal(byte) else { return nil }
    }
    let isLower = text.utf8.allSatisfy { !(UInt8(ascii: "A")...UInt8(ascii: "F")).contains($0) }
    description = isLower ? text : text.lowercased()
  }

  /// The id that belongs to a request id of 32 hexadecimal digits (nginx's `$request_id`), so that a request that
  /// nginx sends twice is one job; nil when the text is none.
  public init?(requestID: String) {
    guard requestID.utf8.count == 32, requestID.utf8.allSatisfy(JobID.isHexadecimal),
      let high = UInt64(requestID.prefix(16), radix: 16), let low = UInt64(requestID.suffix(16), radix: 16)
    else { return nil }
    self.init(high: high, low: low)
  }

  private static func isHyphen(_ index: Int) -> Bool { index == 8 || index == 13 || index == 18 || index == 23 }

  private init(high: UInt64, low: UInt64) {
    let versioned = high & ~0xf000 | 0x4000
    let varied = low & ~(0b11 << 62) | (0b10 << 62)
    description = String(unsafeUninitializedCapacity: 36) { text in
      var digit = 0
      for index in 0..<36 {
        if JobID.isHyphen(index) {
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

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}
