/// Stands in where no model can be asked: the beginning of the text, marked as what it is.
public enum PlaceholderSummarizer {
  /// The name under which a step's outputs show it, as provider and as model.
  public static let provider = "placeholder"

  /// `Summary({min(length, limit)}): {the first limit characters}`, with characters counted as Unicode scalars.
  public static func summary(of source: String, limit: Int) -> String {
    let scalars = source.unicodeScalars
    let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex) ?? scalars.endIndex
    return "Summary(\(scalars[..<end].count)): \(String(scalars[..<end]))"
  }
}
