/// Media types (RFC 9110, section 8.3.1), as far as they say whether a body is JSON.
enum MediaType {
  /// Whether a `Content-Type` is `application/json` or `application/…+json`, with any parameters; an empty one counts as
  /// if it were absent.
  static func isJSON(_ header: String) -> Bool {
    let type = trimmed(header.utf8.prefix { $0 != UInt8(ascii: ";") }).map(lowercase)
    if type.isEmpty || type.elementsEqual("application/json".utf8) { return true }
    guard type.starts(with: "application/".utf8), type.suffix(5).elementsEqual("+json".utf8) else { return false }
    let subtype = type.dropFirst(12).dropLast(5)
    return !subtype.isEmpty && subtype.allSatisfy(isToken)
  }

  /// An ASCII letter in lower case; any other byte as it is.
  static func lowercase(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
  }

  /// Whether a byte may be in a token (RFC 9110, section 5.6.2).
  private static func isToken(_ byte: UInt8) -> Bool {
    (0x21...0x7e).contains(byte) && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
  }

  private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
