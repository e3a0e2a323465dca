/// A text of a step's parameters in which references may be written in double braces: `Summarize {{pre.clean_text}}`.
///
/// Grammar: `{{`, blanks, a reference without its `@`, blanks, `}}`. Within braces a key that is not in brackets has no
/// blanks, quotes and braces. The braces after an odd number of backslashes are literal; each two of these backslashes
/// are one, as in Handlebars. Backslashes elsewhere are literal, and so is `}}`.
public struct Template: Sendable, Equatable {
  /// The text as it was written, but `@` for a leading `@@`.
  let text: String

  /// What to write instead, for messages.
  static let advice = #"write \{{ for literal braces"#

  /// A part of the text.
  enum Piece {
    /// Literal bytes, of whole characters.
    case text(UnsafeBufferPointer<UInt8>)
    /// Braces.
    case mention(Mention)
  }

  /// Whether there are any braces to be read.
  var hasBraces: Bool {
    text.utf8.span.withUnsafeBufferPointer { TemplateScanner($0).openingBraces(from: 0) < $0.count }
  }

  /// Calls a function with each part of the text, in order.
  func forEachPiece<Failure>(_ body: (Piece) throws(Failure) -> Void) throws(Failure) {
    try text.utf8.span.withUnsafeBufferPointer { (bytes) throws(Failure) in
      var scanner = TemplateScanner(bytes)
      while let piece = scanner.next() { try body(piece) }
    }
  }
}
