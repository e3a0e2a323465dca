import Glibc

/// Finds the lines of a text in the pieces of a response, whatever their borders. LF, CR and CRLF end a line.
///
/// No byte is looked at twice for each kind of line end, and only a line that crosses a border is copied.
struct EventLines: Sendable {
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// The beginning of a line whose end has not come.
  private var unfinished: [UInt8] = []
  private var piece: [UInt8] = []
  /// Where the next line begins in the piece.
  private var start = 0
  /// The next LF and CR of the piece, at its end when there is none.
  private var (lineFeed, carriageReturn) = (0, 0)
  private var lastWasCarriageReturn = false
  private var isFirst = true

  /// How many bytes of a line wait for its end.
  var waiting: Int { unfinished.count }

  /// Adds a piece, once `next` has returned all lines of the last one.
  mutating func add(_ piece: [UInt8]) {
    self.piece = piece
    start = 0
    (lineFeed, carriageReturn) = (-1, -1)
  }

  /// The next line that has ended; nil when the rest of the piece has none.
  mutating func next() -> ArraySlice<UInt8>? {
    if lastWasCarriageReturn, start < piece.count {
      lastWasCarriageReturn = false
      if piece[start] == UInt8(ascii: "\n") { start += 1 }
    }
    if lineFeed < start { lineFeed = index(of: UInt8(ascii: "\n")) }
    if carriageReturn < start { carriageReturn = index(of: UInt8(ascii: "\r")) }
    let end = min(lineFeed, carriageReturn)
    guard end < piece.count else {
      unfinished.append(contentsOf: piece[start...])
      piece = []
      (start, lineFeed, carriageReturn) = (0, -1, -1)
      return nil
    }
    lastWasCarriageReturn = end == carriageReturn
    defer { start = end + 1 }
    return line(piece[start..<end])
  }

  /// The text after the last line end, for which none will come.
  mutating func rest() -> ArraySlice<UInt8> { line([]) }

  private mutating func line(_ end: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var line = end
    if !unfinished.isEmpty {
      line = (unfinished + end)[...]
      unfinished = []
    }
    if isFirst {
      isFirst = false
      if line.starts(with: Self.byteOrderMark) { line = line.dropFirst(Self.byteOrderMark.count) }
    }
    return line
  }

  private func index(of byte: UInt8) -> Int {
    piece.withUnsafeBytes { bytes in
      guard start < bytes.count, let base = bytes.baseAddress,
        let found = memchr(base + start, Int32(byte), bytes.count - start)
      else { return bytes.count }
      return UnsafeRawPointer(found) - base
    }
  }
}
