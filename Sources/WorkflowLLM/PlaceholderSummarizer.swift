/// Summarizes without a model: the beginning of the text, marked as a placeholder.
public enum PlaceholderSummarizer {
  /// The provider and model that a step's outputs show.
  public static let provider = "placeholder"

  /// `Summary({min(length, limit)}): {the first limit characters}`, with characters counted as Unicode scalars.
  public static func summary(of source: String, limit: Int) -> String {
    let scalars = source.unicodeScalars
    guard source.utf8.count > limit,
      let end = scalars.index(scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex)
    else { return "Summary(\(count(of: source))): \(source)" }
    return "Summary(\(limit)): \(String(scalars[..<end]))"
  }

  /// The number of Unicode scalars: bytes that continue none.
  private static func count(of text: String) -> Int {
    text.utf8.span.withUnsafeBufferPointer { bytes in bytes.count { $0 & 0b1100_0000 != 0b1000_0000 } }
  }
}
