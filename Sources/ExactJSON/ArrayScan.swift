/// Finds the end of an array without parsing it.
enum ArrayScan {
  /// The longest text that is searched, in bytes.
  private static let longest = 16 << 10

  /// The offset after the array that begins at `start`; nil when it is longer than 16 KiB or does not end. The offset
  /// is right if the array is valid JSON; whether it is, is not checked.
  static func end(from start: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let part = UnsafeBufferPointer(rebasing: bytes[..<min(bytes.count, start + longest)])
    var (position, depth) = (start, 0)
    while position < part.count {
      switch part[position] {
      case UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "\""): position = endOfString(from: position, in: part)
      default: break
      }
      position += 1
      if depth == 0 { return position }
    }
    return nil
  }

  /// The offset of the closing quote of a string; the end if there is none.
  private static func endOfString(from start: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var position = PlainRun.end(from: start + 1, in: bytes)
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      // An escape, or a control character, of which no valid string has one.
      position = PlainRun.end(from: min(bytes.count, position + 2), in: bytes)
    }
    return position
  }
}
