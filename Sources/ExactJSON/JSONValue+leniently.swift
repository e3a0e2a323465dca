extension JSONValue {
  /// Parses JSON of another server, and accepts deviations whose meaning is clear: a byte order mark is skipped, the
  /// last of repeated keys counts, `NaN` and `Infinity` become null, half of a surrogate pair and bytes that are not
  /// UTF-8 become U+FFFD, and strings may contain control characters. Everything else is as strict as
  /// `init(parsing:maximumDepth:)`. Not for submissions.
  public init(leniently bytes: [UInt8], maximumDepth: Int = 128) throws(JSONError) {
    let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let start = bytes.starts(with: byteOrderMark) ? byteOrderMark.count : 0
    self = try bytes.withUnsafeBufferPointer { (bytes) throws(JSONError) in
      var parser = JSONParser(
        UnsafeBufferPointer(rebasing: bytes[start...]), maximumDepth: maximumDepth, isLenient: true)
      return try parser.parseDocument()
    }
  }
}

extension JSONParser {
  /// Skips `NaN`, `Infinity` or `-Infinity`, which Python's `json` writes for numbers that JSON does not have.
  mutating func skipNonNumber() -> Bool {
    for word in ["NaN", "Infinity", "-Infinity"] {
      let end = position + word.utf8.count
      guard end <= bytes.count, bytes[position..<end].elementsEqual(word.utf8) else { continue }
      position = end
      return true
    }
    return false
  }
}
