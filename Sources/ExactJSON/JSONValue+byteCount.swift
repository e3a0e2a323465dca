extension JSONValue {
  /// Counts the bytes of the value as compact JSON, without building the text.
  ///
  /// Values share their parts: an array of a thousand references to one text takes little memory, but its text is a
  /// thousand times as long. Counting stops at the limit, so it takes at most time proportional to `limit`.
  /// - Returns: the count of ``bytes``; nil if it is more than `limit`.
  public func byteCount(atMost limit: Int) -> Int? {
    var counter = JSONByteCounter(left: limit)
    return counter.take(self) ? limit - counter.left : nil
  }
}

/// Counts the bytes of JSON text up to a limit.
///
/// Every function returns false once the limit is exceeded; the counter must not be used afterwards.
public struct JSONByteCounter: Sendable {
  /// The remaining number of bytes.
  public private(set) var left: Int

  /// Creates a counter with a limit in bytes.
  public init(left: Int) { self.left = left }

  /// Counts a number of bytes.
  public mutating func take(bytes count: Int) -> Bool {
    left -= count
    return left >= 0
  }

  /// Counts the punctuation of an array: brackets and commas.
  public mutating func takeArray(of count: Int) -> Bool { take(bytes: max(2, count + 1)) }

  /// Counts the punctuation of an object: braces, colons and commas.
  public mutating func takeObject(of count: Int) -> Bool { take(bytes: max(2, 2 * count + 1)) }

  /// Counts a string with its quotes and escapes.
  public mutating func take(string: String) -> Bool {
    guard string.utf8.count <= left else { return take(bytes: string.utf8.count) }
    return take(bytes: 2 + string.utf8.span.withUnsafeBufferPointer { JSONWriter.escapedCount($0) })
  }

  /// Counts a part of a string, in UTF-8, with its escapes.
  public mutating func take(escaping bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    take(bytes: bytes.count <= left ? JSONWriter.escapedCount(bytes) : bytes.count)
  }

  /// Counts a value with all of its parts.
  public mutating func take(_ value: JSONValue) -> Bool {
    switch value {
    case .null: return take(bytes: 4)
    case .bool(let value): return take(bytes: value ? 4 : 5)
    case .number(let number): return take(bytes: number.text.utf8.count)
    case .string(let string): return take(string: string)
    case .array(let elements):
      guard takeArray(of: elements.count) else { return false }
      for element in elements where !take(element) { return false }
      return true
    case .object(let object):
      guard takeObject(of: object.count) else { return false }
      for member in object.members where !(take(string: member.key) && take(member.value)) { return false }
      return true
    }
  }
}
