/// Parses server-sent events from the pieces of a response, whatever their boundaries (WHATWG HTML, section 9.2.6).
public struct ServerSentEvents: Sendable {
  /// One event.
  public struct Event: Sendable, Equatable {
    /// The `event:` field; nil when the event has none.
    public var name: String?
    /// The `data:` fields, joined by line feeds.
    public var data: String
    /// The last `id:` so far, to be sent as `Last-Event-ID` after a reconnect.
    public var id: String?

    /// Creates an event.
    public init(name: String? = nil, data: String, id: String? = nil) {
      self.name = name
      self.data = data
      self.id = id
    }
  }

  /// The last `retry:` field: how long to wait before a reconnect.
  public private(set) var retry: Duration?
  private var lines = EventLines()
  private var name: String?
  private var data: [String] = []
  private var id: String?

  /// Creates a parser for a new stream.
  public init() {}

  /// Parses a piece of the stream.
  /// - Returns: the events that it completes.
  public mutating func take(_ piece: [UInt8]) -> [Event] {
    var events: [Event] = []
    lines.add(piece)
    while let line = lines.next() {
      if let event = end(line) { events.append(event) }
    }
    return events
  }

  private mutating func end(_ line: ArraySlice<UInt8>) -> Event? {
    guard !line.isEmpty else { return dispatch() }
    let text = String(decoding: line, as: UTF8.self)
    let field = text.prefix { $0 != ":" }
    var value = text.dropFirst(field.count + 1)
    if value.first == " " { value = value.dropFirst() }
    switch field {
    case "event": name = String(value)
    case "data": data.append(String(value))
    case "id": id = String(value)
    case "retry": retry = Int(value).map { .milliseconds($0) } ?? retry
    default: break
    }
    return nil
  }

  private mutating func dispatch() -> Event? {
    defer {
      name = nil
      data = []
    }
    return data.isEmpty ? nil : Event(name: name, data: data.joined(separator: "\n"), id: id)
  }
}
