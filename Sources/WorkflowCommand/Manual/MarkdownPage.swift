/// A page of the documentation, as far as the manual page is made of it.
struct MarkdownPage {
  /// A table or a section that is not there.
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  private let lines: [Substring]

  init(_ text: String) { lines = text.split(separator: "\n", omittingEmptySubsequences: false) }

  /// The cells of the rows of a table, by the first word of its head.
  func table(headed head: String) throws -> [[String]] {
    guard let start = lines.firstIndex(where: { $0.hasPrefix("| \(head) |") }) else {
      throw Missing(description: "no table is headed \(head)")
    }
    return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
      line.dropFirst(2).dropLast(2).split(separator: " | ", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// The first block of code of a section.
  func code(under title: String) throws -> String {
    guard let start = lines.firstIndex(of: "## \(title)"),
      let first = lines[start...].firstIndex(where: { $0.hasPrefix("```") })
    else { throw Missing(description: "no section \(title) with a block of code") }
    return lines[(first + 1)...].prefix { !$0.hasPrefix("```") }.joined(separator: "\n")
  }

  /// The first paragraph of a section.
  func paragraph(under title: String) throws -> String {
    guard let start = lines.firstIndex(of: "## \(title)") else {
      throw Missing(description: "no section \(title)")
    }
    return lines[(start + 1)...].drop { $0.isEmpty }.prefix { !$0.isEmpty }.joined(separator: " ")
  }
}
