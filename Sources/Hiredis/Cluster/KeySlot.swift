/// The slots of a Redis Cluster, as its specification has them:
/// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model
enum KeySlot {
  /// How many there are.
  static let count = 16_384

  /// The slot of a key or a sharded channel: CRC16 of its hash tag modulo the count.
  ///
  /// The hash tag is the text between the first `{` and the first `}` after it, unless that is empty; otherwise it is
  /// the whole key.
  static func of(_ key: String) -> Int {
    key.utf8.span.withUnsafeBufferPointer { bytes in
      guard let open = bytes.firstIndex(of: UInt8(ascii: "{")),
        let close = bytes[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
      else { return Int(crc16(bytes[...])) % count }
      return Int(crc16(bytes[(open + 1)..<close])) % count
    }
  }

  /// CRC-16/XMODEM: polynomial 1021 (hexadecimal), nothing reflected, begins with 0.
  private static func crc16(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> UInt16 {
    bytes.reduce(0) { crc, byte in (crc << 8) ^ table[Int(UInt8(crc >> 8) ^ byte)] }
  }

  private static let table = (0..<256).map { byte -> UInt16 in
    (0..<8).reduce(UInt16(byte) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : (crc << 1) ^ 0x1021 }
  }
}
