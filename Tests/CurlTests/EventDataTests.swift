import Curl
import Testing

/// The data of events out of a stream, however it is cut.
@Suite struct EventDataTests {
  private func data(_ text: String, size: Int, limit: Int = 1_000) -> [String] {
    var events = EventData(limit: limit)
    let bytes = Array(text.utf8)
    var found: [String] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      events.add(Array(bytes[start..<min(start + size, bytes.count)]))
      while let event = events.next() { found.append(String(decoding: event, as: UTF8.self)) }
    }
    if let event = events.rest() { found.append(String(decoding: event, as: UTF8.self)) }
    return found
  }

  @Test(
    arguments: [
      ("data: a\n\ndata: b\n\n", ["a", "b"]), ("data:a\r\n\r\ndata: b\r\rdata: c\n\n", ["a", "b", "c"]),
      (": x\n\n:\n\n\n\ndata: Å\n\n", ["Å"]), ("event: x\nid: 1\nretry: 5\n\ndata: a\nevent: y\n\n", ["a"]),
      ("data: one\ndata:two\ndata:  three\n\n", ["one\ntwo\n three"]), ("data\n\n", [""]), ("database: a\n\n", []),
      ("\u{feff}data: a\n\n", ["a"]), ("data: a\n\ndata: b", ["a", "b"]), ("data: a\n", ["a"]), ("", []),
      ("\r\n\r\ndata: a\r\n\r", ["a"]),
    ], [1, 2, 3, 7, 1_000])
  func `The borders of pieces do not matter`(example: (text: String, events: [String]), size: Int) {
    #expect(data(example.text, size: size) == example.events)
  }

  @Test(arguments: [1, 5, 1_000]) func `An event that is longer than the limit ends the stream`(size: Int) {
    let long = String(repeating: "x", count: 50)
    #expect(data("data: a\n\ndata: \(long)\n\ndata: b\n\n", size: size, limit: 40) == ["a"])
    #expect(data("data: \(long)", size: size, limit: 40) == [])
    let lines = String(repeating: "data: xxxx\n", count: 10)
    #expect(data("\(lines)\n", size: size, limit: 40) == [])
    #expect(data(": \(long)\n\ndata: a\n\n", size: 5, limit: 100) == ["a"])
  }

  @Test(.timeLimit(.minutes(5)), arguments: ["\r", "\n", "x"])
  func `Bytes beyond number are looked at once`(byte: String) {
    var events = EventData(limit: 100 << 20)
    let piece = Array(String(repeating: byte, count: 1 << 18).utf8)
    for _ in 0..<4 {
      events.add(piece)
      while events.next() != nil {}
    }
    #expect(!events.isTooLong)
  }
}
