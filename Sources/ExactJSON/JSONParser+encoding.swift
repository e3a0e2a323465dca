extension JSONParser {
  /// Checks that the text is UTF-8 without a byte order mark.
  func checkEncoding() throws(JSONError) {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw JSONError(.byteOrderMark, at: 0) }
    if let encoding = otherEncoding { throw JSONError(.otherEncoding(encoding), at: 0) }
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw JSONError(.invalidUTF8, at: error.byteOffsets.lowerBound)
    }
  }

  /// Detects another encoding by a byte order mark or by zero bytes around an ASCII character; nil for none.
  private var otherEncoding: String? {
    guard bytes.count >= 2 else { return nil }
    switch (bytes[0], bytes[1]) {
    case (0xFF, 0xFE), (0xFE, 0xFF): return "UTF-16"
    case (0, 0): return "UTF-32"
    case (0, _), (_, 0): return "UTF-16"
    default: return nil
    }
  }
}
