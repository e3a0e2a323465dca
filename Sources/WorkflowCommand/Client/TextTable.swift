/// Rows of cells as lines, their columns one below the other.
enum TextTable {
  /// The lines; the last cell of a row is cut where the line is too wide.
  /// - Parameter width: columns of the terminal.
  static func lines(_ rows: [[String]], width: Int) -> [String] {
    guard let columns = rows.first?.count, columns > 0 else { return [] }
    let widths = (0..<columns - 1).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { line($0, widths, width: width) }
  }

  /// A row whose columns are so wide.
  static func line(_ row: [String], _ widths: [Int], width: Int) -> String {
    let cells = zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
    let start = cells.joined(separator: "  ") + "  "
    let room = max(12, width - start.count)
    let last = row[row.count - 1]
    return start + (last.count > room ? last.prefix(room - 1) + "…" : last)
  }
}
