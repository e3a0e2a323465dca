/// Bodies in the format of gzip, not made smaller.
enum StoredGzip {
  /// One stored block (RFC 1951, section 3.2.4) in a member of gzip (RFC 1952); at most 65,535 bytes.
  static func compress(_ body: [UInt8]) -> [UInt8] {
    let length = UInt16(body.count)
    let header: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]
    return header + [1] + bytes(length) + bytes(~length) + body + bytes(checksum(body)) + bytes(UInt32(body.count))
  }

  private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  /// CRC-32.
  private static func checksum(_ body: [UInt8]) -> UInt32 {
    ~body.reduce(~0) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0xedb8_8320 : 0) }
    }
  }
}
