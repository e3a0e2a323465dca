/// The `token` of HTTP, of which header names and methods consist (RFC 9110, section 5.6.2).
public enum HTTPToken {
  /// Whether a text is a token: one or more ASCII letters, digits and ``!#$%&'*+-.^_`|~``.
  public static func isValid(_ text: String) -> Bool {
    text.utf8.span.withUnsafeBufferPointer { !$0.isEmpty && $0.allSatisfy(isCharacter) }
  }

  /// Whether a byte may be part of a token.
  public static func isCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
      true
    default:
      "!#$%&'*+.^_`|~".utf8.contains(byte)
    }
  }
}
