import Glibc

/// Divides a text into its parts, each byte once.
struct TemplateScanner {
  /// The whole text, not owned.
  private let bytes: UnsafeBufferPointer<UInt8>
  /// The offset of the next part.
  private var position = 0
  /// Where braces that are not literal may begin.
  private var firstBraces = 0
  /// Whether braces that are not literal are next.
  private var isAtBraces = false

  private static let opening = UInt8(ascii: "{")
  private static let backslash = UInt8(ascii: "\\")

  /// Creates a scanner; the bytes must outlive it.
  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// The next part that is not empty; nil at the end.
  mutating func next() -> Template.Piece? {
    while position < bytes.count {
      if isAtBraces {
        isAtBraces = false
        return .mention(takeMention())
      }
      let text = takeText()
      if !text.isEmpty { return .text(UnsafeBufferPointer(rebasing: bytes[text])) }
    }
    return nil
  }

  /// The offset of the next `{{`; the end if there is none.
  func openingBraces(from start: Int) -> Int {
    var start = start
    while start + 1 < bytes.count, let address = bytes.baseAddress,
      let found = memchr(address + start, Int32(Self.opening), bytes.count - 1 - start)
    {
      let offset = UnsafeRawPointer(address).distance(to: found)
      if bytes[offset + 1] == Self.opening { return offset }
      start = offset + 1
    }
    return bytes.count
  }

  /// Takes the text before the next braces; of the backslashes before these, half.
  private mutating func takeText() -> Range<Int> {
    let start = position
    position = openingBraces(from: firstBraces)
    firstBraces = position + 2
    guard position < bytes.count else { return start..<position }
    var first = position
    while first > start, bytes[first - 1] == Self.backslash { first -= 1 }
    let backslashes = position - first
    // After an odd number the braces are literal: they begin the next text.
    isAtBraces = backslashes.isMultiple(of: 2)
    return start..<first + backslashes / 2
  }

  private mutating func takeMention() -> Mention {
    let mention = Mention(inBracesOf: bytes, at: position)
    position = mention.end
    firstBraces = position
    return mention
  }
}
