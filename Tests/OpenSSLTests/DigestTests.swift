import OpenSSL
import Testing

@Suite struct DigestTests {
  /// The examples of FIPS 180-4 that NIST publishes.
  @Test(arguments: [
    ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ])
  func `SHA-256 of FIPS 180-4`(text: String, count: Int, digest: String) {
    let bytes = Array(String(repeating: text, count: count).utf8)
    #expect(Digest.hex(Digest.sha256(bytes)) == digest)
  }

  /// RFC 4231 but for case 5, which is cut to 128 bits.
  @Test(arguments: [
    (
      [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      [UInt8](1...25), [UInt8](repeating: 0xcd, count: 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
    (
      [UInt8](repeating: 0xaa, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
    (
      [UInt8](repeating: 0xaa, count: 131),
      Array(
        ("This is a test using a larger than block-size key and a larger than block-size data. "
          + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
    ),
    ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
  ])
  func `HMAC-SHA-256 of RFC 4231, and of nothing`(key: [UInt8], message: [UInt8], digest: String) {
    #expect(Digest.hex(Digest.hmacSHA256(message, key: key)) == digest)
  }

  @Test func `Only the same bytes are equal`() {
    #expect(Digest.areEqual([], []))
    #expect(Digest.areEqual([1, 2, 3], [1, 2, 3]))
    for other: [UInt8] in [[], [1, 2], [1, 2, 4], [0, 2, 3], [1, 2, 3, 0]] {
      #expect(!Digest.areEqual([1, 2, 3], other), "\(other)")
      #expect(!Digest.areEqual(other, [1, 2, 3]), "\(other)")
    }
  }

  @Test func `Hexadecimal is read in either case, and nothing else is`() {
    #expect(Digest.hex([]) == "")
    #expect(Digest.bytes(hex: "") == [])
    #expect(Digest.hex([0, 9, 10, 0xa0, 255]) == "00090aa0ff")
    #expect(Digest.bytes(hex: "00090aA0fF") == [0, 9, 10, 0xa0, 255])
    for text in ["0", "0g", " 00", "0x00", "00 ", "é0", "+1", "\u{ff10}\u{ff10}"] {
      #expect(Digest.bytes(hex: text) == nil, "\(text)")
    }
  }

  @Test func `Many threads make digests at once`() async {
    await withTaskGroup(of: [UInt8].self) { group in
      for _ in 0..<64 { group.addTask { Digest.hmacSHA256(Digest.sha256([1]), key: [2]) } }
      let expected = Digest.hmacSHA256(Digest.sha256([1]), key: [2])
      for await digest in group { #expect(digest == expected) }
    }
  }
}
