extension JSONParser {
  /// Parses a string, from its opening to its closing quote.
  mutating func parseString() throws(JSONError) -> String {
    position += 1
    let start = position
    position = PlainRun.end(from: start, in: bytes)
    if peek() == UInt8(ascii: "\"") {
      defer { position += 1 }
      return text(start..<position)
    }
    return try parseStringWithEscapes(from: start)
  }

  /// Continues at the first byte that is not plain; the string's text begins at `start`.
  private mutating func parseStringWithEscapes(from start: Int) throws(JSONError) -> String {
    var content: [UInt8] = []
    var runStart = start
    while let byte = peek() {
      content.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[runStart..<position]))
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"):
        content.append(contentsOf: try parseEscape().utf8)
      default:
        guard isLenient else { throw JSONError(.invalidString, at: position) }
        content.append(byte)
        position += 1
      }
      runStart = position
      position = PlainRun.end(from: position, in: bytes)
    }
    throw JSONError(.unexpectedEnd, at: position)
  }

  private mutating func parseEscape() throws(JSONError) -> Unicode.Scalar {
    let start = position
    position += 1
    guard let letter = peek() else { throw JSONError(.unexpectedEnd, at: position) }
    position += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try parseUnicodeEscape(from: start)
    default: throw JSONError(.invalidEscape, at: start)
    }
  }

  /// Parses the digits of `\uXXXX`, and a second escape if the first is the upper half of a surrogate pair.
  private mutating func parseUnicodeEscape(from start: Int) throws(JSONError) -> Unicode.Scalar {
    let unit = try parseHexDigits(from: start)
    if let scalar = Unicode.Scalar(unit) { return scalar }
    let afterFirst = position
    guard UTF16.isLeadSurrogate(unit), skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) else {
      return try replacement(at: start, readOnFrom: afterFirst)
    }
    let second = try parseHexDigits(from: start + 6)
    let offset = UInt32(unit & 0x3FF) << 10 | UInt32(second & 0x3FF)
    guard UTF16.isTrailSurrogate(second), let scalar = Unicode.Scalar(0x1_0000 + offset) else {
      return try replacement(at: start, readOnFrom: afterFirst)
    }
    return scalar
  }

  /// The replacement for half of a surrogate pair, if the parser is lenient.
  private mutating func replacement(at start: Int, readOnFrom next: Int) throws(JSONError) -> Unicode.Scalar {
    guard isLenient else { throw JSONError(.loneSurrogate, at: start) }
    position = next
    return "\u{FFFD}"
  }

  /// Parses the four digits of the escape that begins at `start`.
  private mutating func parseHexDigits(from start: Int) throws(JSONError) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = peek() else { throw JSONError(.unexpectedEnd, at: position) }
      guard let digit = Self.hexDigit(byte) else { throw JSONError(.invalidEscape, at: start) }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
