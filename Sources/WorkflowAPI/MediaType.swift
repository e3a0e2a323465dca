/// Media types (RFC 9110, section 8.3.1), as far as they say whether a body is JSON.
enum MediaType {
  /// Whether a `Content-Type` is `application/json` or `application/…+json`, in UTF-8 where it names a charset; other
  /// parameters do not count. An empty type counts as if it were absent.
  static func isJSON(_ header: String) -> Bool {
    let parts = parts(header.utf8.map(lowercase))
    return isJSON(type: parts[0]) && parts.dropFirst().allSatisfy(isOfUTF8)
  }

  private static func isJSON(type: ArraySlice<UInt8>) -> Bool {
    if type.isEmpty || type.elementsEqual("application/json".utf8) { return true }
    guard type.starts(with: "application/".utf8), type.suffix(5).elementsEqual("+json".utf8) else { return false }
    let subtype = type.dropFirst(12).dropLast(5)
    return !subtype.isEmpty && subtype.allSatisfy(isToken)
  }

  /// Whether a parameter is none that names another charset.
  private static func isOfUTF8(_ parameter: ArraySlice<UInt8>) -> Bool {
    let name = parameter.prefix { $0 != UInt8(ascii: "=") }
    guard trimmed(name).elementsEqual("charset".utf8) else { return true }
    let value = trimmed(parameter.dropFirst(name.count + 1))
    return value.elementsEqual("utf-8".utf8) || value.elementsEqual("\"utf-8\"".utf8)
  }

  /// The type and its parameters, split at semicolons that are in no quoted string.
  private static func parts(_ header: [UInt8]) -> [ArraySlice<UInt8>] {
    var (isQuoted, isEscaped) = (false, false)
    let parts = header.split(omittingEmptySubsequences: false) { byte in
      defer { isEscaped = isQuoted && !isEscaped && byte == UInt8(ascii: "\\") }
      if byte == UInt8(ascii: "\""), !isEscaped { isQuoted.toggle() }
      return byte == UInt8(ascii: ";") && !isQuoted
    }
    return parts.map(trimmed)
  }

  /// An ASCII letter in lower case; any other byte as it is.
  static func lowercase(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
  }

  /// Whether a byte may be in a token (RFC 9110, section 5.6.2).
  private static func isToken(_ byte: UInt8) -> Bool {
    (0x21...0x7e).contains(byte) && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
