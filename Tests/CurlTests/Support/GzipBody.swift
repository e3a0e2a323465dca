/// Bodies with `Content-Encoding: gzip`, made by hand.
enum GzipBody {
  /// "hello, hello, hello" and its checksum, as gzip packs it.
  static let hello: [UInt8] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7,
    0x51, 0xc8, 0x40, 0xa2, 0x00, 0x9f, 0xa1, 0xca, 0x09, 0x13, 0x00, 0x00, 0x00,
  ]

  /// `count` zeros in about a 160th of the bytes: one literal, then "258 bytes like the one before" again and again.
  /// The checksum is missing: the stream never ends.
  static func bomb(ofZeros count: Int) -> [UInt8] {
    var bits = BitWriter()
    bits.append(0b011, 3)  // the last block, with fixed codes
    bits.appendCode(0b0011_0000, 8)  // literal 0
    for _ in 0..<count / 258 {
      bits.appendCode(0b1100_0101, 8)  // length 258
      bits.appendCode(0, 5)  // distance 1
    }
    return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff] + bits.bytes
  }
}

/// Packs bits as deflate does, from the lowest of each byte upwards.
private struct BitWriter {
  private(set) var bytes: [UInt8] = []
  private var used = 8

  /// Appends a number, its lowest bit first.
  mutating func append(_ value: Int, _ count: Int) {
    for index in 0..<count { append(bit: value >> index & 1) }
  }

  /// Appends a Huffman code, its highest bit first.
  mutating func appendCode(_ code: Int, _ count: Int) {
    for index in (0..<count).reversed() { append(bit: code >> index & 1) }
  }

  private mutating func append(bit: Int) {
    if used == 8 {
      bytes.append(0)
      used = 0
    }
    bytes[bytes.count - 1] |= UInt8(bit << used)
    used += 1
  }
}
