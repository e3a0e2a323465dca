import Curl
import ExactJSON

/// Gathers a completion from the events of a stream, as they come.
struct CompletionStream {
  /// The most bytes of one event, and of the texts of all events together.
  static let mostBytes = 10 << 20

  private let format: any WireFormat
  private(set) var completion = Completion()
  private(set) var fault: Fault?
  /// Whether there was an event.
  private(set) var hasEvents = false
  private var events = EventData(limit: mostBytes)
  private var pieces: VisibleText
  private let onText: (@Sendable (String) -> Void)?

  /// Why a stream cannot be read on.
  enum Fault {
    /// An event is not JSON.
    case malformed
    /// It is longer than the limit.
    case tooLong
  }

  /// Creates an empty completion.
  /// - Parameter onText: gets the text without reasoning.
  init(_ format: any WireFormat, onText: (@Sendable (String) -> Void)? = nil) {
    self.format = format
    self.onText = onText
    pieces = VisibleText()
  }

  /// Whether a body without the right Content-Type begins like a stream.
  static func isOne(_ body: [UInt8]) -> Bool {
    let start = body.prefix(64).drop { $0 <= 0x20 || $0 >= 0x80 }
    return ["data:", "event:", ": ", ":\n", ":\r"].contains { start.starts(with: $0.utf8) }
  }

  /// Whether the wire's own end mark came, or an error. Without one the stream was cut, even if the connection was
  /// closed cleanly, and even after `[DONE]` (llama-cpp-python, when another request interrupts it).
  var isEnded: Bool { completion.finishReason != nil || completion.error != nil }

  /// Whether nothing more needs to be read.
  var isFinal: Bool { fault != nil || completion.isFinal || completion.error != nil }

  /// Whether a part of the text was passed on.
  var hasShownText: Bool { pieces.hasShownText }

  /// Reads the next bytes.
  mutating func take(_ piece: [UInt8]) {
    events.add(piece)
    while !isFinal, let event = events.next() { take(event: event) }
    if events.isTooLong, !isEnded { fault = .tooLong }
  }

  /// Reads an event that lacks the empty line at its end, since the stream is over.
  mutating func finish() {
    guard !isFinal, let event = events.rest() else { return }
    // What is no JSON was cut; whether that matters, the end mark decides.
    if isEnded || event.first == UInt8(ascii: "[") || (try? JSONValue(leniently: event)) != nil { take(event: event) }
  }

  /// Passes on what is left of an answer's text.
  mutating func finish(with answer: String) {
    if let onText { pieces.finish(with: answer, onText) }
  }

  /// Passes on the text of an answer that came in one piece.
  func show(_ answer: String) { onText?(answer) }

  private static let done = Array("[DONE]".utf8)

  private mutating func take(event: [UInt8]) {
    hasEvents = true
    // LiteLLM sends it with responses, too; transformers and llama-stack never do.
    if event == Self.done { return completion.isFinal = true }
    let addition = JSONCursor.read(event) { format.addition(in: &$0, to: completion)?.string }
    if let addition {
      completion.take(addition: addition)
    } else if let value = try? JSONValue(leniently: event) {
      completion.take(event: value, of: format)
    } else {
      if !isEnded { fault = .malformed }
      return
    }
    if completion.byteCount > Self.mostBytes { return fault = .tooLong }
    if let onText, !completion.newText.isEmpty { pieces.add(completion.newText, onText) }
  }
}
