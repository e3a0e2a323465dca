import DequeModule

/// The bytes of a response that wait to be written, in order, each piece with its acknowledgement.
struct WriteBuffer {
  /// What the writer must do next.
  enum NextWrite: Equatable {
    /// Write these bytes.
    case write(ArraySlice<UInt8>)
    /// End the response: all was written and nothing more will be added.
    case end
    /// Wait: all was written so far.
    case wait
  }

  /// Called once: with true when the bytes were written, with false when they never will be.
  typealias Acknowledgement = @Sendable (Bool) -> Void

  private struct Piece {
    var rest: ArraySlice<UInt8>
    let acknowledge: Acknowledgement
  }

  private var pieces: Deque<Piece> = []
  private var isEnded = false

  /// How many bytes wait.
  private(set) var count = 0

  /// Adds a piece.
  /// - Returns: false after `end()`.
  mutating func append(_ bytes: [UInt8], _ acknowledge: @escaping Acknowledgement = { _ in }) -> Bool {
    guard !isEnded else { return false }
    pieces.append(Piece(rest: bytes[...], acknowledge: acknowledge))
    count += bytes.count
    return true
  }

  /// Notes that nothing more will be added.
  mutating func end() {
    isEnded = true
  }

  /// What to do next; a slice has at most `length` bytes.
  func next(atMost length: Int) -> NextWrite {
    if let first = pieces.first { return .write(first.rest.prefix(length)) }
    return isEnded ? .end : .wait
  }

  /// Removes bytes of the last slice.
  /// - Returns: the acknowledgement of a piece of which all was written.
  mutating func wrote(_ written: Int) -> Acknowledgement? {
    count -= written
    pieces[0].rest.removeFirst(written)
    return pieces[0].rest.isEmpty ? pieces.removeFirst().acknowledge : nil
  }

  /// Discards everything and accepts nothing more.
  /// - Returns: the acknowledgements of the discarded pieces.
  mutating func fail() -> [Acknowledgement] {
    defer { (pieces, count, isEnded) = ([], 0, true) }
    return pieces.map(\.acknowledge)
  }
}
