/// Cuts a text into chunks, in time proportional to its length.
///
/// A chunk ends at the last bound of the best kind within the limit: the end of a paragraph, else of a sentence, else
/// of a line, else of a word, else at the limit, but always between two Unicode scalars. White space belongs to the
/// chunk before a bound as far as it fits. Without overlap the chunks are the text, cut.
struct TextSplitter {
  /// What lengths are counted in.
  enum Unit {
    case scalars
    /// Bytes in UTF-8.
    case bytes
  }

  /// The length of a chunk at most; 4 or more where bytes are counted, so that any scalar fits.
  let limit: Int
  /// How much of the end of a chunk the next one repeats at most; so much less than the limit that a scalar fits. It is
  /// never more than half of the chunk, so all chunks together are at most twice as long as the text.
  let overlap: Int
  /// What both are counted in.
  let unit: Unit

  /// Calls a function with each chunk, in order, as long as it returns true.
  /// - Returns: whether all chunks were accepted.
  func split(_ text: String, _ body: (String) -> Bool) -> Bool {
    text.utf8.span.withUnsafeBufferPointer { bytes in
      var (start, end) = (0, 0)
      var context = BoundContext()
      while end < bytes.count {
        let repeated = length(of: start..<end, in: bytes)
        end = cut(bytes, from: end, room: limit - repeated, &context)
        let chunk = UnsafeBufferPointer(rebasing: bytes[start..<end])
        guard body(String(decoding: chunk, as: UTF8.self)) else { return false }
        start = overlapStart(bytes, chunk: start..<end)
      }
      return true
    }
  }

  /// Where the chunk ends whose new part begins at an offset.
  /// - Parameter context: what is before the offset; afterwards, what is before the end.
  private func cut(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, room: Int, _ context: inout BoundContext
  ) -> Int {
    var position = start
    var used = 0
    // Bounds before the first word would make chunks of white space.
    var hasWord = false
    var best: (bound: Bound, position: Int)?
    while position < bytes.count {
      let (scalar, width) = bytes.scalar(at: position)
      let kind = ScalarKind(scalar)
      let size = unit == .bytes ? width : 1
      let fits = used + size <= room
      if hasWord, let bound = context.bound(before: scalar, kind, isAtLimit: !fits), bound >= best?.bound ?? .word {
        best = (bound, position)
      }
      guard fits else { break }
      hasWord = hasWord || !kind.isWhite
      context.pass(kind)
      used += size
      position += width
    }
    guard position < bytes.count, let best else { return position }
    if best.position < position { context = BoundContext() }
    return best.position
  }

  /// Where the next chunk begins: with a word, if there is any white space in the overlap.
  private func overlapStart(_ bytes: UnsafeBufferPointer<UInt8>, chunk: Range<Int>) -> Int {
    let middle = chunk.lowerBound + (chunk.count + 1) / 2
    var start = chunk.upperBound
    var used = 0
    while start > middle {
      let previous = bytes.scalarStart(before: start)
      used += unit == .bytes ? start - previous : 1
      guard used <= overlap, previous >= middle else { break }
      start = previous
    }
    var (word, hasWhite) = (start, false)
    while word < chunk.upperBound {
      let (scalar, width) = bytes.scalar(at: word)
      let isWhite = ScalarKind(scalar).isWhite
      let before = bytes.scalar(at: bytes.scalarStart(before: word)).scalar
      if !isWhite, ScalarKind(before).isWhite { return word }
      hasWhite = hasWhite || isWhite
      word += width
    }
    return hasWhite ? chunk.upperBound : start
  }

  private func length(of range: Range<Int>, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
    switch unit {
    case .bytes: range.count
    case .scalars: bytes[range].count { $0 & 0b1100_0000 != 0b1000_0000 }
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The scalar at an offset, and its bytes; the text is valid UTF-8.
  fileprivate func scalar(at offset: Int) -> (scalar: Unicode.Scalar, width: Int) {
    let first = self[offset]
    if first < 0x80 { return (Unicode.Scalar(first), 1) }
    let width = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    var value = UInt32(first) & (0x7f >> UInt32(width))
    for index in offset + 1..<offset + width { value = value << 6 | UInt32(self[index] & 0x3f) }
    return (Unicode.Scalar(value) ?? "\u{fffd}", width)
  }

  /// Where the scalar begins that ends before an offset.
  fileprivate func scalarStart(before offset: Int) -> Int {
    var start = offset - 1
    while start > 0, self[start] & 0b1100_0000 == 0b1000_0000 { start -= 1 }
    return start
  }
}
