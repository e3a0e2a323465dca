/// Runs of bytes that JSON strings contain unescaped: all but `"`, `\` and the control characters.
enum PlainRun {
  /// The offset of the first byte from `start` that is not plain; the end if there is none.
  static func end(from start: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var position = start
    let raw = UnsafeRawBufferPointer(bytes)
    while position + 8 <= bytes.count {
      let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      let marks = marksOfSpecialBytes(in: word)
      if marks != 0 { return position + marks.trailingZeroBitCount / 8 }
      position += 8
    }
    while position < bytes.count, isPlain(bytes[position]) { position += 1 }
    return position
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// Sets the top bit of the lowest byte of the word that is not plain, and perhaps of bytes above it.
  ///
  /// Subtracting `n` from every byte borrows into the top bit where the byte is less than `n`; a borrow can only
  /// disturb bytes above the first such one. Bytes from 0x80 on are plain, so a top bit that was set before does not
  /// count.
  @inline(__always)
  private static func marksOfSpecialBytes(in word: UInt64) -> UInt64 {
    let quotes = (word ^ everyByte(UInt8(ascii: "\""))) &- everyByte(1)
    let backslashes = (word ^ everyByte(UInt8(ascii: "\\"))) &- everyByte(1)
    let controls = word &- everyByte(0x20)
    return (quotes | backslashes | controls) & ~word & everyByte(0x80)
  }

  @inline(__always)
  private static func everyByte(_ byte: UInt8) -> UInt64 {
    UInt64(byte) &* 0x0101_0101_0101_0101
  }
}
