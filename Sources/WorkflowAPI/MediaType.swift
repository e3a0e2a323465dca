import ExactJSON
import LinuxSupport

/// Recognises the media types of JSON (RFC 9110, section 8.3.1).
enum MediaType {
  /// Whether a `Content-Type` is `application/json` or `application/…+json`, with no charset but UTF-8. Other
  /// parameters are ignored. An empty type counts as JSON, as an absent header does.
  static func isJSON(_ header: String) -> Bool {
    if header.hasSameScalars(as: "application/json") { return true }
    let parts = parts(header.utf8.map(ASCII.lowercase))
    return isJSON(type: parts[0]) && parts.dropFirst().allSatisfy(isOfUTF8)
  }

  private static func isJSON(type: ArraySlice<UInt8>) -> Bool {
    if type.isEmpty || type.elementsEqual("application/json".utf8) { return true }
    guard type.starts(with: "application/".utf8), type.suffix(5).elementsEqual("+json".utf8) else { return false }
    let subtype = type.dropFirst(12).dropLast(5)
    return !subtype.isEmpty && subtype.allSatisfy(HTTPToken.isCharacter)
  }

  /// Whether a parameter is `charset=utf-8` or not a charset.
  private static func isOfUTF8(_ parameter: ArraySlice<UInt8>) -> Bool {
    let name = parameter.prefix { $0 != UInt8(ascii: "=") }
    guard ASCII.trimmed(name).elementsEqual("charset".utf8) else { return true }
    let value = ASCII.trimmed(parameter.dropFirst(name.count + 1))
    return value.elementsEqual("utf-8".utf8) || value.elementsEqual("\"utf-8\"".utf8)
  }

  /// The type and its parameters, split at semicolons outside quoted strings.
  private static func parts(_ header: [UInt8]) -> [ArraySlice<UInt8>] {
    var (isQuoted, isEscaped) = (false, false)
    let parts = header.split(omittingEmptySubsequences: false) { byte in
      defer { isEscaped = isQuoted && !isEscaped && byte == UInt8(ascii: "\\") }
      if byte == UInt8(ascii: "\""), !isEscaped { isQuoted.toggle() }
      return byte == UInt8(ascii: ";") && !isQuoted
    }
    return parts.map(ASCII.trimmed)
  }
}
