/// A JSON number, kept as the text that stood in the document.
///
/// Equality and hash go by the text: `1`, `1.0` and `1e0` are three different numbers.
public struct JSONNumber: Sendable, Hashable {
  /// The number in JSON's grammar; always ASCII.
  public let text: String

  /// Makes the number whose text is `int` in decimal.
  public init(_ int: Int) {
    text = String(int)
  }

  /// Takes over a text that follows JSON's grammar for numbers to its last byte; nil for any other.
  ///
  /// Refused are `01`, `+1`, `.5`, `1.`, `0x1F`, `NaN`, white space around the number, and the like.
  public init?(text: String) {
    let isNumber = text.utf8.span.withUnsafeBufferPointer { bytes in
      NumberGrammar.end(ofNumberAt: 0, in: bytes) == bytes.count
    }
    guard isNumber else { return nil }
    self.text = text
  }

  /// Takes over a text that the parser has checked.
  init(checked text: String) {
    self.text = text
  }

  /// The value of a text without fraction and exponent that fits an `Int`; nil for any other, `1.0` and `1e2` included.
  public var int: Int? { Int(text) }

  /// The nearest double: infinite for a number as large as `1e400`, zero for one as small as `1e-400`.
  public var double: Double { Double(text) ?? .nan }
}
