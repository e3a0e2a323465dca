/// What a text that comes piece by piece begins with, by the rules of `Reasoning`.
enum ReasoningStart {
  /// It may be the beginning of a tag: more of it must come.
  case unknown
  /// A tag, and what follows it. A closing tag has no end: some chat templates have the opening one in the prompt.
  case tag(ReasoningEnd?, rest: String)
  /// The Harmony format.
  case harmony
  /// No reasoning.
  case none

  /// Looks at the beginning of a text that begins with no white space.
  init(_ text: String) {
    let bytes = Reasoning.lowercased(String(text.prefix(16)))
    func rest(after tag: [UInt8]) -> String { String(decoding: text.utf8.dropFirst(tag.count), as: UTF8.self) }
    for (opening, closing) in Reasoning.tags {
      if bytes.starts(with: opening) {
        self = .tag(ReasoningEnd(opening: opening, closing: closing), rest: rest(after: opening))
        return
      }
      if bytes.starts(with: closing) {
        self = .tag(nil, rest: rest(after: closing))
        return
      }
    }
    let harmony = Reasoning.harmonyStarts
    let marks = Reasoning.tags.flatMap { [$0.0, $0.1] } + harmony
    if harmony.contains(where: { bytes.starts(with: $0) }) {
      self = .harmony
    } else {
      self = marks.contains { $0.starts(with: bytes) } ? .unknown : .none
    }
  }
}

/// Finds the end of reasoning in a text that comes piece by piece: the closing tag that matches the opening one, nested
/// tags counted.
struct ReasoningEnd {
  private let opening: [UInt8]
  private let closing: [UInt8]
  private var depth = 1
  /// The end of the last piece if it may be the beginning of a tag.
  private var pending = ""

  init(opening: [UInt8], closing: [UInt8]) {
    self.opening = opening
    self.closing = closing
  }

  /// Looks at the next piece.
  /// - Returns: what follows the reasoning; nil if it has not ended.
  mutating func take(_ piece: String) -> String? {
    let text = pending + piece
    pending = ""
    let bytes = Reasoning.lowercased(text)
    var offset = 0
    while let next = bytes[offset...].firstIndex(of: opening[0]) {
      let rest = bytes[next...]
      if rest.starts(with: closing) {
        depth -= 1
        if depth == 0 { return String(decoding: text.utf8.dropFirst(next + closing.count), as: UTF8.self) }
      } else if rest.starts(with: opening) {
        depth += 1
      } else if closing.starts(with: rest) || opening.starts(with: rest) {
        pending = String(decoding: text.utf8.dropFirst(next), as: UTF8.self)
        return nil
      }
      offset = next + 1
    }
    return nil
  }
}
