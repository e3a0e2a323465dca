/// Texts by the cells that they take on a terminal, where one character may take two cells and a combining mark none.
extension String {
  /// How many cells the text takes.
  var cells: Int {
    if isPlainASCII { return utf8.count }
    return unicodeScalars.reduce(0) { $0 + $1.cells }
  }

  /// The text, cut to a number of cells; what is cut ends with an ellipsis.
  func cut(toCells room: Int) -> String {
    guard room > 0 else { return "" }
    if isPlainASCII, utf8.count <= room { return self }
    var kept = String.UnicodeScalarView()
    var (used, count) = (0, 0)
    var rest = unicodeScalars.makeIterator()
    while let scalar = rest.next() {
      count += 1
      // Marks take no cell: a text of them alone is cut, too.
      if used + scalar.cells > room || count > room * 4 { return Self.cut(kept, used, to: room) }
      used += scalar.cells
      kept.append(scalar)
    }
    return String(kept)
  }

  /// The text with an ellipsis in its last cell.
  private static func cut(_ scalars: String.UnicodeScalarView, _ used: Int, to room: Int) -> String {
    var (kept, used) = (scalars, used)
    while used > room - 1 || kept.last?.cells == 0, let last = kept.popLast() { used -= last.cells }
    return String(kept) + "…"
  }

  /// The text in an exact number of cells: cut, or with blanks behind it.
  func padded(toCells room: Int) -> String {
    let text = cut(toCells: room)
    return text + String(repeating: " ", count: Swift.max(0, room - text.cells))
  }
}

extension Unicode.Scalar {
  /// How many cells a terminal gives the character: two for the wide ones of East Asia and most emoji (Unicode's UAX
  /// 11), none for marks and format characters.
  fileprivate var cells: Int {
    if value < 0x300 { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: return Self.wide.contains { $0.contains(value) } ? 2 : 1
    }
  }

  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f, 0x231a...0x231b, 0x23e9...0x23ec, 0x2e80...0x303e, 0x3041...0xa4cf, 0xa960...0xa97f,
    0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f,
    0x1f680...0x1f6ff, 0x1f900...0x1f9ff, 0x20000...0x3fffd,
  ]
}
