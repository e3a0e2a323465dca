/// Finds the data of server-sent events in the pieces of a response, whatever their borders; names, ids and comments
/// are skipped (WHATWG HTML, section 9.2.6).
///
/// The bytes are not decoded, so a border may also be inside a character.
public struct EventData: Sendable {
  private static let field = Array("data".utf8)

  private var lines = EventLines()
  /// The data of the event that has not ended.
  private var data: [UInt8]?
  private let limit: Int

  /// Whether an event is longer than the limit. It and all later ones are dropped.
  public private(set) var isTooLong = false

  /// Creates a parser for a new stream.
  /// - Parameter limit: the most bytes of an event.
  public init(limit: Int) { self.limit = limit }

  /// Adds a piece of the stream, once `next` has returned all events of the last one.
  public mutating func add(_ piece: [UInt8]) {
    if !isTooLong { lines.add(piece) }
  }

  /// The data of the next event that has ended; nil when the rest of the piece has none.
  public mutating func next() -> [UInt8]? {
    while !isTooLong, let line = lines.next() {
      guard line.isEmpty else {
        take(line)
        continue
      }
      guard let event = data else { continue }
      data = nil
      return event
    }
    if lines.waiting + (data?.count ?? 0) > limit { isTooLong = true }
    return nil
  }

  /// The data of an event that lacks the empty line at its end; nil if there is none.
  public mutating func rest() -> [UInt8]? {
    guard !isTooLong else { return nil }
    take(lines.rest())
    defer { data = nil }
    return data
  }

  private mutating func take(_ line: ArraySlice<UInt8>) {
    guard line.starts(with: Self.field) else { return }
    var value = line.dropFirst(Self.field.count)
    guard value.isEmpty || value.first == UInt8(ascii: ":") else { return }
    value = value.dropFirst()
    if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
    guard value.count + (data?.count ?? 0) < limit else { return isTooLong = true }
    if data == nil { data = Array(value) } else { data?.append(contentsOf: [UInt8(ascii: "\n")] + value) }
  }
}
