import Curl
import ExactJSON
import SystemHarness

/// Reads the server-sent events of a run.
struct EventReader {
  /// One event.
  struct Event: Sendable {
    /// Its id, the index of a progress entry.
    var id: Int?
    /// The data of a progress entry: its name, with the step behind it.
    var message: String?
    /// The data of a status event.
    var status: String?
    /// What a model is writing: `text`, `token` or `reset`, the step, the attempt, the offset and the text.
    var text: String?
    /// A hint when to come again, in milliseconds.
    var retry: Int?
  }

  // The client lives as long as the answer is read.
  private let client: HTTPClient
  private var pieces: HTTPBody.AsyncIterator
  private var buffer = ""

  init(
    _ stack: Stack, _ id: String, headers: [HTTPHeader] = [], client: HTTPClient = HTTPClient()
  ) async throws {
    try await self.init(url: stack.url, id, headers: headers, client: client)
  }

  /// A reader through another web server.
  init(url: String, _ id: String, headers: [HTTPHeader] = [], client: HTTPClient = HTTPClient()) async throws {
    self.client = client
    let response = try await client.stream(
      HTTPRequest(url: "\(url)/status/\(id)/events", headers: headers, timeout: .seconds(120)))
    guard response.status == 200, response.header("Content-Type") == "text/event-stream" else {
      throw StackFailure("the events answered \(response.status)")
    }
    pieces = response.body.makeAsyncIterator()
  }

  /// The events up to and with the first that fits.
  mutating func take(until isLast: (Event) -> Bool) async throws -> [Event] {
    var events: [Event] = []
    while let event = try await next() {
      events.append(event)
      if isLast(event) { break }
    }
    return events
  }

  /// Reads up to the first comment, such as a heartbeat.
  mutating func waitForComment() async throws {
    while !buffer.contains("\n:") {
      guard let piece = try await pieces.next() else { throw StackFailure("the stream ended without a comment") }
      buffer += String(decoding: piece, as: UTF8.self)
    }
  }

  /// The events to the end of the stream.
  mutating func rest() async throws -> [Event] { try await take(until: { _ in false }) }

  private mutating func next() async throws -> Event? {
    while true {
      if let end = buffer.firstRange(of: "\n\n") {
        let block = String(buffer[..<end.lowerBound])
        buffer.removeSubrange(..<end.upperBound)
        return try EventReader.parse(block)
      }
      guard let piece = try await pieces.next() else { return nil }
      buffer += String(decoding: piece, as: UTF8.self)
    }
  }

  private static func parse(_ block: String) throws -> Event {
    var event = Event()
    var name = ""
    for line in block.split(separator: "\n") {
      let field = line.prefix { $0 != ":" }
      let value = String(line.dropFirst(field.count + 2))
      switch field {
      case "id": event.id = Int(value)
      case "retry": event.retry = Int(value)
      case "event": name = value
      case "data":
        let data = try JSONValue(parsing: value).objectValue ?? JSONObject()
        switch name {
        case "": event.message = (data["msg"]?.stringValue ?? "?") + (data["step"]?.stringValue.map { " " + $0 } ?? "")
        case "status": event.status = data["status"]?.stringValue
        default:
          let members = ["step", "item", "attempt", "offset", "text"].compactMap { data[$0] }
          event.text = ([name] + members.map { $0.stringValue ?? $0.text }).joined(separator: " ")
        }
      default: break
      }
    }
    return event
  }
}
