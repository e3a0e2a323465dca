/// Passes on a text as it comes, without the reasoning at its beginning.
///
/// Each byte is looked at once. What could be the beginning of a tag is held back until it is known; reasoning in the
/// Harmony format is held back to the end.
struct VisibleText {
  private enum State {
    /// At the beginning, or after a part of reasoning: white space, or the beginning of a tag.
    case undecided
    /// Inside reasoning.
    case reasoning(ReasoningEnd)
    /// Inside a text whose reasoning is only found when it is whole.
    case heldBack
    /// In the answer.
    case visible
  }

  private var state = State.undecided
  /// The white space at the beginning, and what follows it, held back while undecided.
  private var (blanks, held) = ("", "")
  private var hasReasoning = false
  /// Whether a part of the text was passed on.
  private(set) var hasShownText = false

  /// Adds the next piece.
  mutating func add(_ piece: String, _ show: (String) -> Void) {
    var piece = piece
    while !piece.isEmpty {
      switch state {
      case .visible:
        hasShownText = true
        return show(piece)
      case .heldBack: return
      case .reasoning(var end):
        let rest = end.take(piece)
        state = rest == nil ? .reasoning(end) : .undecided
        piece = rest ?? ""
      case .undecided:
        held += piece
        piece = decide()
      }
    }
  }

  /// Passes on what the answer's text has beyond what was passed on.
  mutating func finish(with answer: String, _ show: (String) -> Void) {
    guard !hasShownText, !answer.isEmpty else { return }
    hasShownText = true
    show(answer)
  }

  /// Looks at what is held back.
  /// - Returns: what comes next; empty while it is undecided.
  private mutating func decide() -> String {
    let start = held.unicodeScalars.firstIndex { !Reasoning.isBlank($0) } ?? held.endIndex
    if !hasReasoning { blanks += held[..<start] }
    held.removeSubrange(..<start)
    guard !held.isEmpty else { return "" }
    let next: String
    switch ReasoningStart(held) {
    case .unknown: return ""
    case .tag(let end, let rest):
      (hasReasoning, blanks) = (true, "")
      if let end { state = .reasoning(end) }
      next = rest
    case .harmony:
      state = .heldBack
      next = ""
    case .none:
      state = .visible
      next = blanks + held
    }
    (blanks, held) = ("", "")
    return next
  }
}
