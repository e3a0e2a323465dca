public import ExactJSON

/// JSON for people: a member or an element a line.
public struct JSONText: Sendable {
  /// The text, as far as it was written.
  public private(set) var bytes: [UInt8] = []
  /// Whether something is missing at its end.
  public private(set) var isCut = false
  private let limit: Int

  /// Writes a value.
  /// - Parameter limit: bytes from which on nothing is added.
  public init(_ value: JSONValue, limit: Int) {
    self.limit = limit
    write(value, indent: 0)
  }

  private mutating func write(_ value: JSONValue, indent: Int) {
    guard bytes.count < limit else { return isCut = true }
    switch value {
    case .object(let object) where !object.isEmpty:
      add("{")
      for (index, member) in object.members.enumerated() where !isCut {
        line(index, indent + 1)
        bytes += JSONValue.string(member.key).bytes
        add(": ")
        write(member.value, indent: indent + 1)
      }
      close("}", indent)
    case .array(let elements) where !elements.isEmpty:
      add("[")
      for (index, element) in elements.enumerated() where !isCut {
        line(index, indent + 1)
        write(element, indent: indent + 1)
      }
      close("]", indent)
    case .string(let text):
      let room = max(0, limit - bytes.count)
      isCut = text.utf8.count > room
      bytes += JSONValue.string(text.cut(toBytes: room)).bytes
    default: bytes += value.bytes
    }
  }

  private mutating func line(_ index: Int, _ indent: Int) {
    add(index == 0 ? "\n" : ",\n")
    for _ in 0..<indent { add("  ") }
  }

  private mutating func close(_ bracket: StaticString, _ indent: Int) {
    guard !isCut else { return }
    add("\n")
    for _ in 0..<indent { add("  ") }
    add(bracket)
  }

  private mutating func add(_ text: StaticString) {
    bytes += UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }
}
