/// Parts a model's reasoning from its answer where the server has left both in one text.
///
/// Reasoning stands first, between tags: `<think>` of DeepSeek, Qwen and others, `<thinking>`, Mistral's `[THINK]`. Some
/// chat templates have the opening tag in the prompt, so that the text holds only the closing one, on a line of its own.
///
/// The time it takes grows with the length of the text, whatever the text holds.
enum Reasoning {
  private static let tags = [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")]

  /// The text after the reasoning; empty when the reasoning does not end.
  static func removed(from text: String) -> String {
    var rest = trimmed(text[...])
    var hasReasoning = false
    if let end = endWithoutOpening(in: rest) {
      rest = trimmed(rest[end...])
      hasReasoning = true
    }
    while let (opening, closing) = tags.first(where: { rest.utf8.starts(with: $0.0.utf8) }) {
      guard let range = range(of: closing, in: rest.utf8.dropFirst(opening.utf8.count)) else { return "" }
      rest = trimmed(rest[range.upperBound...])
      hasReasoning = true
    }
    return hasReasoning ? String(rest) : text
  }

  /// The end of the first closing tag that has a line to itself and no opening tag before it.
  private static func endWithoutOpening(in text: Substring) -> String.Index? {
    for (opening, closing) in tags {
      guard let tag = range(of: "\n\(closing)", in: text.utf8),
        range(of: opening, in: text.utf8[..<tag.lowerBound]) == nil
      else { continue }
      let after = text.utf8[tag.upperBound...]
      if after.starts(with: "\n".utf8) || after.starts(with: "\r\n".utf8) { return tag.upperBound }
    }
    return nil
  }

  private static func range(of tag: String, in text: Substring.UTF8View) -> Range<String.Index>? {
    let tag = Array(tag.utf8)
    var start = text.startIndex
    while let first = text[start...].firstIndex(of: tag[0]) {
      if text[first...].starts(with: tag) { return first..<text.index(first, offsetBy: tag.count) }
      start = text.index(after: first)
    }
    return nil
  }

  /// The text without the white space and the byte order mark at its start.
  private static func trimmed(_ text: Substring) -> Substring {
    Substring(
      text.unicodeScalars.drop { $0.properties.isWhitespace || $0.properties.isDefaultIgnorableCodePoint })
  }

  /// Whether a text has nothing to read: no scalar, or only white space and scalars without a shape.
  static func isBlank(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      let properties = scalar.properties
      return properties.isWhitespace || properties.isDefaultIgnorableCodePoint || properties.generalCategory == .control
    }
  }
}
