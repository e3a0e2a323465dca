import ExactJSON

/// A place in a step's parameters with a reference, or with something that should be one: a whole string that starts
/// with `@`, or a part of a string in double braces.
///
/// It is valid while the text that it was found in is; only what is asked for is read a second time.
struct Mention {
  /// What the reference begins with; nil where the grammar is not followed.
  let root: Reference.Root?
  /// Where the text continues behind it.
  let end: Int
  private let bytes: UnsafeBufferPointer<UInt8>
  private let start: Int
  /// Whether it is in double braces.
  let isInBraces: Bool

  /// Bytes of a faulty text that a message repeats.
  private static let longestExcerpt = 60

  /// The mention that is the whole text.
  init(whole bytes: UnsafeBufferPointer<UInt8>) {
    var parser = ReferenceParser(bytes, from: 1)
    var path: ReferenceParser.Path = nil
    self.init(root: parser.parseWhole(to: &path), start: 0, end: bytes.count, bytes: bytes, isInBraces: false)
  }

  /// The mention that begins with the braces at an offset. Behind a faulty one the text continues where the fault is.
  init(inBracesOf bytes: UnsafeBufferPointer<UInt8>, at start: Int) {
    var parser = ReferenceParser(bytes, from: start + 2, isInBraces: true)
    var path: ReferenceParser.Path = nil
    let root = parser.parseInBraces(to: &path)
    self.init(root: root, start: start, end: min(parser.position, bytes.count), bytes: bytes, isInBraces: true)
  }

  private init(
    root: Reference.Root?, start: Int, end: Int, bytes: UnsafeBufferPointer<UInt8>, isInBraces: Bool
  ) {
    self.root = root
    self.start = start
    self.end = end
    self.bytes = bytes
    self.isInBraces = isInBraces
  }

  /// The reference; nil where the grammar is not followed.
  var reference: Reference? {
    var path: ReferenceParser.Path = []
    var parser = ReferenceParser(bytes, from: start + (isInBraces ? 2 : 1), isInBraces: isInBraces)
    let root = isInBraces ? parser.parseInBraces(to: &path) : parser.parseWhole(to: &path)
    guard let root, let path else { return nil }
    return Reference(root: root, path: path, text: text)
  }

  /// The mention as it was written; of a faulty one the beginning.
  var text: String {
    if root != nil || !isInBraces {
      return String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self)
    }
    let rest = UnsafeBufferPointer(rebasing: bytes[start..<min(bytes.count, start + Mention.longestExcerpt + 4)])
    for offset in rest.indices.dropLast() where rest[offset] == ReferenceParser.closingBrace {
      if rest[offset + 1] == ReferenceParser.closingBrace {
        return String(decoding: UnsafeBufferPointer(rebasing: rest[...(offset + 1)]), as: UTF8.self)
      }
    }
    return String(decoding: rest, as: UTF8.self).cut(toBytes: Mention.longestExcerpt)
  }
}

extension String {
  /// Calls a function with every mention in a string of a step's parameters.
  func forEachMention(_ body: (Mention) -> Void) {
    let isWhole = utf8.first == Reference.at
    if isWhole, utf8.dropFirst().first != Reference.at {
      return utf8.span.withUnsafeBufferPointer { body(Mention(whole: $0)) }
    }
    // A leading `@@` hides no braces.
    Template(text: self).forEachPiece { if case .mention(let mention) = $0 { body(mention) } }
  }
}
