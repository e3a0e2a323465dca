/// Media types (RFC 9110, section 8.3.1), as far as they say whether a body is JSON.
enum MediaType {
  /// Whether a `Content-Type` is `application/json` or `application/…+json`, with any parameters; an empty one counts as
  /// if it were absent.
  static func isJSON(_ header: String) -> Bool {
    let type = header.utf8.prefix { $0 != UInt8(ascii: ";") }.filter { !isBlank($0) }.map(lowercase)
    if type.isEmpty || type.elementsEqual("application/json".utf8) { return true }
    return type.starts(with: "application/".utf8) && type.suffix(5).elementsEqual("+json".utf8)
  }

  /// An ASCII letter in lower case; any other byte as it is.
  static func lowercase(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
