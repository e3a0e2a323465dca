/// Summarizes without a model: the beginning of the text, marked as a placeholder.
public enum PlaceholderSummarizer {
  /// The provider and model that a step's outputs show.
  public static let provider = "placeholder"

  /// `Summary({min(length, limit)}): {the first limit characters}`, with characters counted as Unicode scalars.
  public static func summary(of source: String, limit: Int) -> String {
    let scalars = source.unicodeScalars
    let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex) ?? scalars.endIndex
    return "Summary(\(scalars[..<end].count)): \(String(scalars[..<end]))"
  }
}
