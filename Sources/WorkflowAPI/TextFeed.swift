import ExactJSON
import WorkflowStore

/// What one client has of the texts that models are writing, as events.
///
/// `text` brings the text of an attempt so far, `token` what follows, and `reset` says that another attempt of the step
/// begins; their data have `step`, `item` where the step has items, `attempt`, and `offset` and `text`: the offset
/// counts Unicode scalars.
struct TextFeed {
  private struct Sent {
    var attempt: StreamedText.Attempt
    var bytes = 0
    var scalars = 0
  }

  private var sent: [StepUnit: Sent] = [:]

  /// The events that bring a client up to date.
  mutating func render(_ texts: [StepUnit: StreamedText]) -> [UInt8] {
    var events: [UInt8] = []
    for (unit, text) in texts.sorted(by: { $0.key.name < $1.key.name }) {
      var known = sent[unit] ?? Sent(attempt: text.attempt)
      if known.attempt != text.attempt {
        known = Sent(attempt: text.attempt)
        events += event("reset", unit, text, nil)
      }
      if text.bytes.count > known.bytes {
        let name = known.bytes == 0 ? "text" : "token"
        let piece = text.bytes[known.bytes...]
        events += event(name, unit, text, (known.scalars, piece))
        known.bytes = text.bytes.count
        known.scalars += piece.count { $0 & 0xc0 != 0x80 }
      }
      sent[unit] = known
    }
    return events
  }

  private func event(
    _ name: String, _ unit: StepUnit, _ text: StreamedText, _ piece: (offset: Int, text: ArraySlice<UInt8>)?
  ) -> [UInt8] {
    var data: JSONObject = ["step": .string(unit.step)]
    if let item = unit.item { data["item"] = .number(JSONNumber(item)) }
    data["attempt"] = .number(JSONNumber(text.attempt.number))
    if let piece {
      data["offset"] = .number(JSONNumber(piece.offset))
      data["text"] = .string(String(decoding: piece.text, as: UTF8.self))
    }
    return Array("event: \(name)\ndata: ".utf8) + JSONValue.object(data).bytes + Array("\n\n".utf8)
  }
}
