/// Base64 (RFC 4648, section 4).
package enum Base64 {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The text that encodes bytes.
  package static func text(of bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0..<4 {
        text.append(place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes that a text encodes, with or without the `=` at its end; nil if it is none.
  package static func bytes(of text: some StringProtocol) -> [UInt8]? {
    var rest = Array(text.utf8)[...]
    let padding = rest.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
    if padding > 0, !rest.count.isMultiple(of: 4) { return nil }
    rest = rest.dropLast(padding)
    guard rest.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    var (bits, count) = (0, 0)
    for digit in rest {
      guard let value = digits.firstIndex(of: digit) else { return nil }
      bits = bits << 6 | value
      count += 6
      guard count >= 8 else { continue }
      count -= 8
      bytes.append(UInt8(bits >> count & 0xff))
    }
    // Unused bits must be 0.
    return bits & (1 << count - 1) == 0 ? bytes : nil
  }
}
