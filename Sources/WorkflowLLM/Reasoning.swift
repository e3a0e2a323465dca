/// Parts a model's reasoning from its answer where the server has left both in one text.
///
/// Reasoning stands first, between tags: `<think>` of DeepSeek, Qwen and others, `<thinking>`, Mistral's `[THINK]`. Some
/// chat templates have the opening tag in the prompt, so that the text holds only the closing one, on a line of its own.
enum Reasoning {
  private static let tags = [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")]

  /// The text after the reasoning; empty when the reasoning does not end.
  static func removed(from text: String) -> String {
    var rest = text[...]
    while let end = endOfReasoning(in: rest) { rest = rest[end...].drop { $0.isWhitespace } }
    return String(rest)
  }

  private static func endOfReasoning(in text: Substring) -> String.Index? {
    let start = text.drop { $0.isWhitespace }
    for (opening, closing) in tags {
      if start.hasPrefix(opening) { return start.firstRange(of: closing)?.upperBound ?? text.endIndex }
      if let end = text.firstRange(of: "\n\(closing)\n")?.upperBound, !text[..<end].contains(opening) { return end }
    }
    return nil
  }

  /// Whether a text has nothing to read: no scalar, or only white space and scalars without a shape.
  static func isBlank(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      let properties = scalar.properties
      return properties.isWhitespace || properties.isDefaultIgnorableCodePoint || properties.generalCategory == .control
    }
  }
}
