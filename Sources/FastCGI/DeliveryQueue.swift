import DequeModule

/// The bytes of an answer that are still to be written, in order, and who is to be told when they are.
struct DeliveryQueue {
  /// What the writer does next.
  enum Turn: Equatable {
    /// These bytes are next.
    case write(ArraySlice<UInt8>)
    /// All has been written and nothing more will come.
    case end
    /// All has been written so far.
    case wait
  }

  /// Called once: true when the bytes have gone to the peer, false when they will not.
  typealias Acknowledgement = @Sendable (Bool) -> Void

  private struct Piece {
    var rest: ArraySlice<UInt8>
    let acknowledge: Acknowledgement
  }

  private var pieces: Deque<Piece> = []
  private var isEnded = false

  /// Bytes that wait.
  private(set) var count = 0

  /// Adds a piece. False after the end.
  mutating func append(_ bytes: [UInt8], _ acknowledge: @escaping Acknowledgement = { _ in }) -> Bool {
    guard !isEnded else { return false }
    pieces.append(Piece(rest: bytes[...], acknowledge: acknowledge))
    count += bytes.count
    return true
  }

  /// Nothing more will be added.
  mutating func end() {
    isEnded = true
  }

  /// The next bytes, at most so many, or what else there is to do.
  func turn(atMost length: Int) -> Turn {
    if let first = pieces.first { return .write(first.rest.prefix(length)) }
    return isEnded ? .end : .wait
  }

  /// Takes bytes of the last turn off; returns whom to tell when that was the last of a piece.
  mutating func wrote(_ written: Int) -> Acknowledgement? {
    count -= written
    pieces[0].rest.removeFirst(written)
    return pieces[0].rest.isEmpty ? pieces.removeFirst().acknowledge : nil
  }

  /// Throws everything away and takes nothing more; returns whom to tell.
  mutating func fail() -> [Acknowledgement] {
    defer { (pieces, count, isEnded) = ([], 0, true) }
    return pieces.map(\.acknowledge)
  }
}
