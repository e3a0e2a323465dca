import Glibc

/// Reads a JSON text once from its beginning to its end, without making values of it: for texts that come in large
/// numbers, and of which little is wanted.
///
/// It accepts no more than `JSONValue.init(leniently:)`, and less: a string with an escape and a value that is nested
/// deeply count as faults. After a fault nothing can be read any more; the text may be parsed then.
public struct JSONCursor {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0
  private var depth = 0

  private static let deepest = 16

  /// A string of the text: its bytes between the quotes.
  public struct Text {
    /// The bytes, valid while the text is read.
    let bytes: UnsafeBufferPointer<UInt8>

    /// The string.
    public var string: String { String(decoding: bytes, as: UTF8.self) }

    /// Whether the string has these bytes.
    public static func == (text: Text, other: StaticString) -> Bool {
      guard text.bytes.count == other.utf8CodeUnitCount, let start = text.bytes.baseAddress else { return false }
      return memcmp(start, other.utf8Start, text.bytes.count) == 0
    }
  }

  /// Reads a whole text.
  /// - Parameter body: reads the value; nil for a fault.
  /// - Returns: what the body returns; nil after a fault, and when more than one value is there.
  public static func read<Value>(_ text: [UInt8], _ body: (inout JSONCursor) -> Value?) -> Value? {
    text.withUnsafeBufferPointer { bytes in
      var cursor = JSONCursor(bytes: bytes)
      guard let value = body(&cursor) else { return nil }
      cursor.skipBlanks()
      return cursor.position == bytes.count ? value : nil
    }
  }

  private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// Reads an object.
  /// - Parameter member: is given each key and must read its value; false for a fault.
  /// - Returns: false for a fault.
  public mutating func object(_ member: (inout JSONCursor, Text) -> Bool) -> Bool {
    guard enter("{") else { return false }
    if leave("}") { return true }
    while true {
      guard let key = string(), take(":"), member(&self, key) else { return false }
      if leave("}") { return true }
      guard take(",") else { return false }
    }
  }

  /// Reads an array.
  /// - Parameter element: must read each element; false for a fault.
  /// - Returns: false for a fault.
  public mutating func array(_ element: (inout JSONCursor) -> Bool) -> Bool {
    guard enter("[") else { return false }
    if leave("]") { return true }
    while true {
      guard element(&self) else { return false }
      if leave("]") { return true }
      guard take(",") else { return false }
    }
  }

  /// Reads a string without escapes; nil for anything else.
  public mutating func string() -> Text? {
    guard take("\"") else { return nil }
    let start = position
    position = PlainRun.end(from: start, in: bytes)
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
    defer { position += 1 }
    return Text(bytes: UnsafeBufferPointer(rebasing: bytes[start..<position]))
  }

  /// Reads `null`, `true`, `false` or a number by its text; false for anything else.
  public mutating func literal(_ text: StaticString) -> Bool {
    skipBlanks()
    let count = text.utf8CodeUnitCount
    guard bytes.count - position >= count, let base = bytes.baseAddress,
      memcmp(base + position, text.utf8Start, count) == 0
    else { return false }
    position += count
    return true
  }

  /// Reads any value.
  /// - Returns: false for a fault.
  public mutating func skip() -> Bool {
    skipBlanks()
    guard position < bytes.count else { return false }
    switch bytes[position] {
    case UInt8(ascii: "\""): return string() != nil
    case UInt8(ascii: "{"): return object { cursor, _ in cursor.skip() }
    case UInt8(ascii: "["): return array { cursor in cursor.skip() }
    case UInt8(ascii: "n"): return literal("null")
    case UInt8(ascii: "t"): return literal("true")
    case UInt8(ascii: "f"): return literal("false")
    default:
      guard let end = NumberGrammar.end(ofNumberAt: position, in: bytes) else { return false }
      position = end
      return true
    }
  }

  private mutating func enter(_ bracket: Unicode.Scalar) -> Bool {
    depth += 1
    return depth <= Self.deepest && take(bracket)
  }

  private mutating func leave(_ bracket: Unicode.Scalar) -> Bool {
    guard take(bracket) else { return false }
    depth -= 1
    return true
  }

  @inline(__always)
  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard position < bytes.count, bytes[position] == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  @inline(__always)
  private mutating func skipBlanks() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }
}
