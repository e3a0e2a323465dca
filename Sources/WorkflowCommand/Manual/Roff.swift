/// Text for manual pages (mdoc(7), groff_char(7)).
enum Roff {
  /// Bytes of a line of text at most, as manual pages have it.
  private static let lineWidth = 78

  /// A text of Markdown as lines: filled, each sentence from a new line on, as mdoc(7) asks for.
  static func lines(_ markdown: String) -> [String] {
    sentences(inline(markdown)).flatMap(fill)
  }

  /// A text that is shown as it is, line by line.
  static func literal(_ text: String) -> [String] {
    [".Bd -literal -offset indent"]
      + text.split(separator: "\n", omittingEmptySubsequences: false).map { protected(escaped($0)) } + [".Ed"]
  }

  /// Characters as roff wants them: those beyond ASCII by number, and hyphens that can be copied as hyphens.
  static func escaped(_ text: some StringProtocol) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar {
      case "\\": "\\e"
      case "-": "\\-"
      case _ where scalar.isASCII: String(scalar)
      default: "\\[u\(String(scalar.value | 0x10000, radix: 16, uppercase: true).dropFirst())]"
      }
    }.joined()
  }

  /// A line that no request begins.
  static func protected(_ line: String) -> String {
    line.hasPrefix(".") || line.hasPrefix("'") ? "\\&" + line : line
  }

  /// An argument of a macro: in quotes, so that none of its words is taken for a macro.
  static func argument(_ text: some StringProtocol) -> String {
    "\"" + escaped(text).replacing("\"", with: "\\(dq") + "\""
  }

  /// The text with code and stressed words in bold; links are their texts.
  private static func inline(_ markdown: String) -> String {
    var text = ""
    let linked = markdown.replacing(#/<doc:([A-Za-z]+)(#[A-Za-z-]+)?>/#) { "the page \($0.1)" }
      .replacing(#/\[([^\]]*)\]\([^)]*\)/#) { "\($0.1)" }
    for (index, part) in linked.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
      text += index % 2 == 1 ? "\\fB\(escaped(part))\\fR" : stressed(part)
    }
    return text
  }

  private static func stressed(_ text: Substring) -> String {
    text.split(separator: "**", omittingEmptySubsequences: false).enumerated().map { index, part in
      let plain = part.unicodeScalars.map { $0 == "-" ? "-" : escaped(String($0)) }.joined()
      return index % 2 == 1 ? "\\fB\(plain)\\fR" : plain
    }.joined()
  }

  private static func sentences(_ text: String) -> [[Substring]] {
    var sentences: [[Substring]] = [[]]
    for word in text.split(whereSeparator: { $0 == " " || $0.isNewline }) {
      sentences[sentences.count - 1].append(word)
      let end = word.replacing("\\fR", with: "").last { $0 != ")" }
      if end == "." || end == "?" || end == "!" { sentences.append([]) }
    }
    return sentences.filter { !$0.isEmpty }
  }

  private static func fill(_ words: [Substring]) -> [String] {
    var lines: [String] = []
    for word in words {
      if let last = lines.last, last.utf8.count + 1 + word.utf8.count <= lineWidth {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines.map(protected)
  }
}
