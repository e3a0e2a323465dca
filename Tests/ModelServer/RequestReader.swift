import ExactJSON

/// Reads the requests of a connection, one after another. A body must come with its length; chunks are not read.
struct RequestReader {
  private let connection: ClientConnection
  private var buffer: [UInt8] = []

  init(_ connection: ClientConnection) { self.connection = connection }

  /// The next request; nil when the connection ends before it does.
  mutating func next() -> ModelServer.Call? {
    guard let headEnd = readHead() else { return nil }
    let lines = String(decoding: buffer[..<headEnd], as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count == 3 else { return nil }
    let headers = RequestReader.fields(lines.dropFirst())
    let end = headEnd + 4 + (headers["content-length"].flatMap { Int($0) } ?? 0)
    while buffer.count < end { guard readMore() else { return nil } }
    let body = Array(buffer[(headEnd + 4)..<end])
    buffer.removeFirst(end)
    return ModelServer.Call(
      method: String(words[0]), path: String(words[1]), headers: headers, body: try? JSONValue(parsing: body),
      raw: body)
  }

  /// Where the blank line begins.
  private mutating func readHead() -> Int? {
    while true {
      if let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) { return end.lowerBound }
      guard readMore() else { return nil }
    }
  }

  private mutating func readMore() -> Bool {
    let piece = connection.receive()
    buffer += piece
    return !piece.isEmpty
  }

  private static func fields(_ lines: ArraySlice<Substring>) -> [String: String] {
    let fields = lines.map { line in
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      return (parts[0].lowercased(), String((parts.last ?? "").drop { $0 == " " }))
    }
    return Dictionary(fields, uniquingKeysWith: { "\($0), \($1)" })
  }
}
