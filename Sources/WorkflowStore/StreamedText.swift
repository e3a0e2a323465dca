/// A piece of the text that a model is writing in an attempt of a step.
public struct StreamedPiece: Sendable {
  /// The run, and the claim by which its worker holds it.
  public let run: HeldRun
  /// The step or item.
  public let unit: StepUnit
  /// The attempt's number, from 1; 0: the text is over.
  public let attempt: Int
  /// Where the piece begins in the text, in bytes of UTF-8.
  public let offset: Int
  /// The piece, as UTF-8.
  public let text: [UInt8]

  /// A piece.
  public init(run: HeldRun, unit: StepUnit, attempt: Int, offset: Int, text: [UInt8]) {
    self.run = run
    self.unit = unit
    self.attempt = attempt
    self.offset = offset
    self.text = text
  }
}

/// What became of a piece.
public enum PieceOutcome: Sendable, Equatable {
  /// The number of bytes of its text that are there now. A piece that did not continue what was there is not: the text
  /// is to be written from there on.
  case known(Int)
  /// The run is no longer this worker's.
  case lost
  /// Redis does not answer.
  case unanswered
}

/// What a model has written so far in an attempt of a step.
public struct StreamedText: Sendable, Equatable {
  /// Which attempt it is of. After the death of a worker the same attempt begins again, with another claim.
  public struct Attempt: Sendable, Equatable {
    let claim: Int
    /// The attempt's number, from 1.
    public let number: Int

    /// Reads `claim.number`.
    init?(_ text: some StringProtocol) {
      let parts = text.split(separator: ".").compactMap { Int($0) }
      guard parts.count == 2 else { return nil }
      (claim, number) = (parts[0], parts[1])
    }
  }

  /// Which attempt it is of.
  public let attempt: Attempt
  /// The text, as UTF-8.
  public internal(set) var bytes: [UInt8]
}

/// A message about a text: `text {claim}.{attempt} {offset} {unit}` and a piece behind a line feed, or
/// `over {unit}`.
enum TextMessage: Equatable {
  case piece(StepUnit, StreamedText.Attempt, offset: Int, [UInt8])
  case over(StepUnit)

  /// Reads a message; nil for one that says something else.
  init?(_ message: [UInt8]) {
    if message.starts(with: "over ".utf8) {
      self = .over(StepUnit(name: String(decoding: message.dropFirst(5), as: UTF8.self)))
      return
    }
    guard message.starts(with: "text ".utf8), let end = message.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let words = message[..<end].split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    guard words.count == 4, let attempt = StreamedText.Attempt(words[1]), let offset = Int(words[2]) else { return nil }
    self = .piece(StepUnit(name: words[3]), attempt, offset: offset, Array(message[(end + 1)...]))
  }
}
