/// Percent-encoding in paths and queries (RFC 3986, section 2.1).
enum PercentEncoding {
  /// The bytes that a text means; a `%` without two digits behind it means itself.
  /// - Parameter plusIsBlank: whether `+` is a blank, as in queries.
  static func decoded(_ text: String, plusIsBlank: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+") where plusIsBlank: bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let value = hexadecimal(rest.prefix(2)) else { fallthrough }
        bytes.append(value)
        rest = rest.dropFirst(2)
      default: bytes.append(byte)
      }
    }
    return bytes
  }

  private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt8? {
    guard digits.count == 2, digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else {
      return nil
    }
    return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}
