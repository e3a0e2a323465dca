import Curl
import ExactJSON

/// Assembles a completion from server-sent events, for servers that stream although the request says not to.
struct CompletionStream {
  private(set) var completion = Completion()
  /// Whether the stream has an end mark: a finish reason or `[DONE]`. Without one it was cut, even if the connection
  /// was closed cleanly.
  private(set) var isWhole = false

  /// Whether a body without the right Content-Type begins like a stream.
  static func isOne(_ body: [UInt8]) -> Bool {
    let start = body.prefix(64).drop { $0 <= 0x20 || $0 >= 0x80 }
    return ["data:", "event:", ": ", ":\n", ":\r"].contains { start.starts(with: $0.utf8) }
  }

  /// Parses a whole stream; nil if one of its pieces is not JSON.
  init?(_ body: [UInt8]) {
    var events = ServerSentEvents()
    // The last event may lack its empty line.
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
