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
  public init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count == 36 else { return nil }
    for (index, byte) in bytes.enumerated() {
      let isHyphen = JobID.hyphens.contains(index)
      guard isHyphen ? byte == UInt8(ascii: "-") : JobID.isHexadecimal(byte) else { return nil }
    }
    description = text.lowercased()
  }

  /// The id that belongs to a request id of 32 hexadecimal digits (nginx's `$request_id`), so that a request that
  /// nginx sends twice is one job; nil when the text is none.
  public init?(requestID: String) {
    let digits = Array(requestID.utf8)
    guard digits.count == 32, digits.allSatisfy(JobID.isHexadecimal),
      let high = UInt64(requestID.prefix(16), radix: 16), let low = UInt64(requestID.suffix(16), radix: 16)
    else { return nil }
    self.init(high: high, low: low)
  }

  private static let hyphens: Set<Int> = [8, 13, 18, 23]

  private init(high: UInt64, low: UInt64) {
    let versioned = high & ~0xf000 | 0x4000
    let varied = low & ~(0b11 << 62) | (0b10 << 62)
    let digits = JobID.hexadecimal(versioned) + JobID.hexadecimal(varied)
    var text: [UInt8] = []
    text.reserveCapacity(36)
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append(UInt8(ascii: "-")) }
      text.append(digit)
    }
    description = String(decoding: text, as: UTF8.self)
  }

  private static func hexadecimal(_ word: UInt64) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return (0..<16).map { digits[Int(word >> (60 - 4 * UInt64($0)) & 0xf)] }
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
