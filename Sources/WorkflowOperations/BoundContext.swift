/// A place where a text can be cut, by what ends there; the better one is greater.
enum Bound: Int, Comparable {
  case word
  case line
  case sentence
  case paragraph

  static func < (one: Bound, other: Bound) -> Bool { one.rawValue < other.rawValue }
}

/// What a scalar means for the bounds around it.
enum ScalarKind {
  /// White space at which a line does not end. Spaces that forbid a break are none.
  case blank
  case carriageReturn
  case lineFeed
  /// White space that ends a paragraph.
  case paragraphEnd
  /// A full stop: what follows in lower case is the same sentence.
  case stop
  /// `!`, `?` and the like.
  case sentenceEnd
  /// A sentence's end that no white space need follow, as in Chinese and Japanese.
  case wideSentenceEnd
  /// A quote or bracket that closes behind a sentence's end.
  case closing
  case other

  init(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "\n", "\u{b}", "\u{85}", "\u{2028}": self = .lineFeed
    case "\r": self = .carriageReturn
    case "\u{c}", "\u{2029}": self = .paragraphEnd
    case " ", "\t", "\u{1c}"..."\u{1f}": self = .blank
    case ".": self = .stop
    case "!", "?": self = .sentenceEnd
    case "\"", "'", ")", "]", "}": self = .closing
    case "\0"..."\u{7f}": self = .other
    case "\u{2026}", "\u{203c}", "\u{203d}", "\u{2047}"..."\u{2049}", "\u{61f}", "\u{6d4}", "\u{964}", "\u{965}":
      self = .sentenceEnd
    case "\u{3002}", "\u{ff01}", "\u{ff0e}", "\u{ff1f}", "\u{ff61}": self = .wideSentenceEnd
    case "\u{bb}", "\u{2019}", "\u{201d}", "\u{203a}", "\u{3009}", "\u{300b}", "\u{300d}", "\u{300f}", "\u{3011}",
      "\u{ff09}":
      self = .closing
    case "\u{a0}", "\u{202f}": self = .other
    default: self = scalar.properties.isWhitespace ? .blank : .other
    }
  }

  var isWhite: Bool {
    switch self {
    case .blank, .carriageReturn, .lineFeed, .paragraphEnd: true
    case .stop, .sentenceEnd, .wideSentenceEnd, .closing, .other: false
    }
  }
}

/// What is before a place in a text, as far as it decides whether the text can be cut there.
struct BoundContext {
  /// How the last word ended.
  private enum WordEnd { case none, stop, sentence, wideSentence }

  private var end = WordEnd.none
  private var isInWhite = false
  private var isAfterReturn = false
  /// Ends of lines in the white space before the place; 2 or more end a paragraph.
  private var lineEnds = 0

  /// The bound before a scalar; nil where there is none.
  /// - Parameter isAtLimit: whether a chunk must end here at the latest. White space that does not fit is cut too.
  func bound(before scalar: Unicode.Scalar, _ kind: ScalarKind, isAtLimit: Bool) -> Bound? {
    if kind.isWhite { return isAtLimit ? bound(isLowercase: false) : nil }
    if isInWhite { return bound(isLowercase: end == .stop && scalar.properties.isLowercase) }
    return end == .wideSentence && !kind.isEnd ? .sentence : nil
  }

  private func bound(isLowercase: Bool) -> Bound {
    if lineEnds > 1 { return .paragraph }
    if end != .none, !isLowercase { return .sentence }
    return lineEnds > 0 ? .line : .word
  }

  /// Goes on behind a scalar.
  mutating func pass(_ kind: ScalarKind) {
    if !kind.isWhite, isInWhite { self = BoundContext() }
    isInWhite = kind.isWhite
    switch kind {
    case .blank: break
    case .carriageReturn: lineEnds += 1
    case .lineFeed: lineEnds += isAfterReturn ? 0 : 1
    case .paragraphEnd: lineEnds += 2
    case .stop: end = .stop
    case .sentenceEnd: end = .sentence
    case .wideSentenceEnd: end = .wideSentence
    case .closing: break
    case .other: end = .none
    }
    isAfterReturn = kind == .carriageReturn
  }
}

extension ScalarKind {
  /// Whether it belongs to the end of a sentence.
  fileprivate var isEnd: Bool {
    switch self {
    case .stop, .sentenceEnd, .wideSentenceEnd, .closing: true
    case .blank, .carriageReturn, .lineFeed, .paragraphEnd, .other: false
    }
  }
}
