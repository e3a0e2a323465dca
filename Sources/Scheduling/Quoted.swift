/// A text of a client as a sentence shows it: in quotes, on one line, and not longer than 60 characters.
struct Quoted: CustomStringConvertible {
  /// The text in quotes.
  let description: String

  init(_ text: String) {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(60) {
      shown.unicodeScalars.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
    }
    // Counting all scalars of a long text would take as long as the text is.
    description = "\"\(shown)\(shown.utf8.count < text.utf8.count ? "…" : "")\""
  }
}
