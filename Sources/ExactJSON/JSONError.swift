/// Why a text is not valid JSON, and where.
public struct JSONError: Error, Sendable, Equatable {
  /// The kinds of errors.
  public enum Kind: Sendable, Equatable {
    /// The text ends inside a value, or is empty.
    case unexpectedEnd
    /// This character was found in place of something else.
    case unexpectedCharacter(Unicode.Scalar, expected: String)
    /// A number does not follow JSON's grammar.
    case invalidNumber
    /// A string contains a control character that is not escaped.
    case invalidString
    /// An escape is unknown or incomplete.
    case invalidEscape
    /// A `\u` escape is half of a surrogate pair.
    case loneSurrogate
    /// The bytes are not UTF-8.
    case invalidUTF8
    /// The text is in this encoding, not in UTF-8.
    case otherEncoding(String)
    /// The text starts with a byte order mark.
    case byteOrderMark
    /// An object contains this key, with its escapes resolved, twice.
    case duplicateKey(String)
    /// Arrays and objects nest deeper than this.
    case tooDeep(limit: Int)
    /// There is text after the value.
    case trailingText
  }

  /// What is wrong.
  public let kind: Kind
  /// The offset of the error, in bytes from 0.
  public let offset: Int

  /// Creates an error, for the parser and for tests.
  public init(_ kind: Kind, at offset: Int) {
    self.kind = kind
    self.offset = offset
  }
}

extension JSONError: CustomStringConvertible {
  /// A message for the author of the document, with the offset.
  public var description: String { "\(fault) at byte \(offset)." }

  private var fault: String {
    switch kind {
    case .unexpectedEnd: offset == 0 ? "The text is empty" : "The text ends too early"
    case .unexpectedCharacter(let found, let expected): "Expected \(expected) but found \(Self.name(found))"
    case .invalidNumber: "Malformed number"
    case .invalidString: "A string contains a control character that is not escaped"
    case .invalidEscape: "A string contains an unknown or incomplete escape"
    case .loneSurrogate: "A string contains half of a surrogate pair"
    case .invalidUTF8: "The text is not valid UTF-8"
    case .otherEncoding(let encoding): "The text is in \(encoding), not UTF-8,"
    case .byteOrderMark: "The text starts with a byte order mark, which JSON does not allow,"
    case .duplicateKey(let key): "The key \(Self.name(key)) comes twice in the same object"
    case .tooDeep(let limit): "Arrays and objects nest deeper than \(limit) levels"
    case .trailingText: "Text follows after the end of the value"
    }
  }

  /// The key in quotes, shortened so that a hostile key cannot fill the log.
  private static func name(_ key: String) -> String {
    let start = String(String.UnicodeScalarView(key.unicodeScalars.prefix(100)))
    return JSONValue.string(start.utf8.count < key.utf8.count ? start + "…" : key).text
  }

  /// The character itself if it is visible, else its code point.
  private static func name(_ scalar: Unicode.Scalar) -> String {
    if scalar.value > 0x20, scalar.value < 0x7F { return "'\(scalar)'" }
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
