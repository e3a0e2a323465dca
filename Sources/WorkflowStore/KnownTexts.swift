/// The texts that models are writing for a run, as far as they are known here.
struct KnownTexts: Sendable {
  private(set) var known: [StepUnit: StreamedText] = [:]
  /// Whether nothing is missing: all pieces since the last read have come.
  var isCurrent = false
  /// When each text was changed last, by a count of changes.
  private var changes: [StepUnit: Int] = [:]
  private var count = 0
  /// The count when a piece was missing last.
  private var lastGap = 0

  /// Takes a message.
  /// - Returns: whether it continues what is known; otherwise the texts must be read.
  mutating func take(_ message: TextMessage) -> Bool {
    switch message {
    case .over(let unit):
      note(unit, nil)
      return true
    case .piece(let unit, let attempt, let offset, let piece):
      if var text = known[unit], text.attempt == attempt, text.bytes.count == offset {
        known[unit] = nil  // so that the bytes are not copied
        text.bytes += piece
        note(unit, text)
        return true
      }
      if offset == 0 {
        note(unit, StreamedText(attempt: attempt, bytes: piece))
        return true
      }
      if let text = known[unit], text.attempt == attempt, text.bytes.count >= offset + piece.count { return true }
      count += 1
      (lastGap, isCurrent) = (count, false)
      return false
    }
  }

  private mutating func note(_ unit: StepUnit, _ text: StreamedText?) {
    count += 1
    known[unit] = text
    changes[unit] = count
  }

  /// How many changes there were before a read; nil when nothing is missing.
  func markForReading() -> Int? { isCurrent ? nil : count }

  /// Takes what was read. What has changed since the read began is newer.
  /// - Returns: whether anything is new.
  mutating func merge(_ found: [StepUnit: StreamedText], readAt mark: Int) -> Bool {
    isCurrent = lastGap <= mark
    var isNew = false
    for unit in Set(known.keys).union(found.keys) where changes[unit, default: 0] <= mark {
      if known[unit] == found[unit] { continue }
      known[unit] = found[unit]
      isNew = true
    }
    // A piece that came during the read continues a text that was not known then.
    for (unit, text) in found where changes[unit, default: 0] > mark {
      guard let own = known[unit], own.attempt == text.attempt, own.bytes.count < text.bytes.count else { continue }
      known[unit] = text
      isNew = true
    }
    return isNew
  }
}
