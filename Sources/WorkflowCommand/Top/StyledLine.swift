/// How a piece of a line looks.
enum TextStyle: Sendable, Equatable {
  case plain, dim, bold, good, doubtful, bad, selected

  /// The parameters of its escape sequence (ECMA-48, SGR).
  /// - Parameter isColored: whether colours may be used; without them, weight alone distinguishes styles.
  fileprivate func parameters(isColored: Bool) -> String? {
    switch self {
    case .plain: nil
    case .dim: "2"
    case .bold: "1"
    case .good: isColored ? "32" : nil
    case .doubtful: isColored ? "33" : "1"
    case .bad: isColored ? "31" : "1"
    case .selected: "7"
    }
  }
}

/// A line of a screen. Nothing in it is a control character.
struct StyledLine: Sendable, Equatable {
  /// A text that looks the same throughout.
  struct Piece: Sendable, Equatable {
    var text: String
    var style: TextStyle
  }

  private(set) var pieces: [Piece] = []

  init() {}

  init(_ text: String, _ style: TextStyle = .plain) { add(text, style) }

  /// Appends a text; what could steer the terminal is replaced.
  mutating func add(_ text: String, _ style: TextStyle = .plain) {
    if !text.isEmpty { pieces.append(Piece(text: text.oneLine, style: style)) }
  }

  /// Appends another line.
  mutating func add(_ line: StyledLine) { pieces += line.pieces }

  /// How many cells it takes.
  var cells: Int { pieces.reduce(0) { $0 + $1.text.cells } }

  /// Its text alone.
  var text: String { pieces.map(\.text).joined() }

  /// Its text alone, without blanks at its end.
  var trimmedText: String {
    var text = text[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }

  /// The line, cut to a number of cells.
  func cut(toCells room: Int) -> StyledLine {
    if cells <= room { return self }
    var (line, left) = (StyledLine(), room)
    for piece in pieces where left > 0 {
      let isLast = piece.text.cells >= left
      line.pieces.append(Piece(text: isLast ? (piece.text + " ").cut(toCells: left) : piece.text, style: piece.style))
      left -= isLast ? left : piece.text.cells
    }
    return line
  }

  /// The line as a selected one: filled with blanks, all of it reversed.
  func selected(cells room: Int) -> StyledLine {
    StyledLine(text.padded(toCells: room), .selected)
  }

  /// The line with the escape sequences of its styles.
  func rendered(isColored: Bool) -> String {
    pieces.map { piece in
      guard let parameters = piece.style.parameters(isColored: isColored) else { return piece.text }
      return "\u{1b}[\(parameters)m\(piece.text)\u{1b}[0m"
    }.joined()
  }

  /// Pieces one behind the other, as many to a line as fit.
  /// - Parameter indent: cells before the first piece of each line.
  static func flow(_ parts: [StyledLine], width: Int, indent: Int = 1) -> [StyledLine] {
    var lines: [StyledLine] = []
    let margin = String(repeating: " ", count: indent)
    for part in parts {
      if let last = lines.last, last.cells + 2 + part.cells <= width {
        lines[lines.count - 1].add("  ")
      } else {
        lines.append(StyledLine(margin))
      }
      lines[lines.count - 1].add(part)
    }
    return lines.map { $0.cut(toCells: width) }
  }
}
