import ExactJSON

/// Looks at texts of clients by their bytes: comparing and cutting by characters takes quadratic time with runs of
/// combining marks.
extension String {
  /// Whether a step may have it in place of a value that is not known yet: it begins with `@`, but not with `@@`, or
  /// has a reference in braces.
  var mayBeReference: Bool {
    utf8.span.withUnsafeBufferPointer { bytes in
      let at = UInt8(ascii: "@"), brace = UInt8(ascii: "{")
      if bytes.first == at { return bytes.count < 2 || bytes[1] != at }
      return zip(bytes, bytes.dropFirst()).contains { $0 == brace && $1 == brace }
    }
  }

  /// The one of some words that it is.
  func word(of words: some Sequence<String>) -> String? { words.first { hasSameScalars(as: $0) } }
}
