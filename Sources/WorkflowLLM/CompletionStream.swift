import Curl
import ExactJSON

/// Puts a completion together from server-sent events, for a server that streams although it was told not to.
struct CompletionStream {
  private(set) var completion = Completion()
  /// Whether the end mark came: a reason to finish, or `[DONE]`. Without one the stream broke off, however cleanly.
  private(set) var isWhole = false

  /// Whether a body without a proper Content-Type begins like a stream.
  static func isOne(_ body: [UInt8]) -> Bool {
    let start = body.prefix(64).drop { $0 <= 0x20 || $0 >= 0x80 }
    return ["data:", "event:", ": ", ":\n", ":\r"].contains { start.starts(with: $0.utf8) }
  }

  /// Reads the whole stream; nil when one of its pieces is not JSON.
  init?(_ body: [UInt8]) {
    var events = ServerSentEvents()
    // A last event may lack its empty line.
    let start = body.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    for event in events.take(Array(body[start...]) + Array("\n\n".utf8)) {
      if event.data == "[DONE]" {
        isWhole = true
        break
      }
      guard let piece = try? JSONValue(leniently: Array(event.data.utf8)) else { return nil }
      completion.take(piece)
    }
    isWhole = isWhole || completion.finishReason != nil
  }
}
