/// A JSON number, stored as its text in the document.
///
/// Numbers are equal if their texts are: `1`, `1.0` and `1e0` are three different numbers.
public struct JSONNumber: Sendable, Hashable {
  /// The text, in JSON's grammar for numbers; always ASCII.
  public let text: String

  /// Creates a number whose text is `int` in decimal.
  public init(_ int: Int) {
    text = String(int)
  }

  /// Creates a number from a text in JSON's grammar; nil for any other text, such as `01`, `+1`, `.5`, `1.`, `0x1F`,
  /// `NaN`, or a number with white space around it.
  public init?(text: String) {
    let isNumber = text.utf8.span.withUnsafeBufferPointer { bytes in
      NumberGrammar.end(ofNumberAt: 0, in: bytes) == bytes.count
    }
    guard isNumber else { return nil }
    self.text = text
  }

  /// Creates a number from a text that the parser has checked.
  init(checked text: String) {
    self.text = text
  }

  /// The value as an `Int`; nil if it does not fit or is not whole.
  ///
  /// `1.0` and `1e2` are whole, as in JSON Schema: clients whose numbers are all floating-point write them so. Their
  /// value must be below 2^53, up to which doubles distinguish whole numbers.
  public var int: Int? {
    if let int = Int(text) { return int }
    guard text.utf8.contains(where: { ".eE".utf8.contains($0) }), let whole = Int(exactly: double),
      whole.magnitude < 1 << 53
    else { return nil }
    return whole
  }

  /// The nearest double: infinity for `1e400`, zero for `1e-400`.
  public var double: Double { Double(text) ?? .nan }
}
