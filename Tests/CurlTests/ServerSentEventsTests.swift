import Curl
import Testing

/// Events out of a stream, however it is cut.
@Suite struct ServerSentEventsTests {
  private func events(_ text: String, pieceLength: Int) -> [ServerSentEvents.Event] {
    var parser = ServerSentEvents()
    let bytes = Array(text.utf8)
    return stride(from: 0, to: bytes.count, by: pieceLength).flatMap { start in
      parser.take(Array(bytes[start..<min(start + pieceLength, bytes.count)]))
    }
  }

  @Test(arguments: [1, 2, 3, 7, 1_000])
  func `the pieces' borders do not matter`(_ length: Int) {
    let text = ": hello\n\nid: 0\ndata: {\"a\":\"\u{e9}\"}\n\nevent: status\ndata: one\ndata:two\n\n"
    #expect(
      events(text, pieceLength: length) == [
        .init(name: nil, data: "{\"a\":\"\u{e9}\"}", id: "0"), .init(name: "status", data: "one\ntwo", id: "0"),
      ])
  }

  @Test func `lines end with LF, CR or CRLF`() {
    let found = events("data: a\r\n\r\ndata: b\r\rdata: c\n\n", pieceLength: 1)
    #expect(found.map(\.data) == ["a", "b", "c"])
  }

  @Test func `an event without data is none, and one that has not ended has not come`() {
    #expect(events("id: 7\n\nevent: x\n\ndata: y\n", pieceLength: 5).isEmpty)
  }

  @Test func `the server's wait before coming back is kept`() {
    var parser = ServerSentEvents()
    _ = parser.take(Array("retry: 1500\nretry: soon\n\n".utf8))
    #expect(parser.retry == .milliseconds(1_500))
  }
}
