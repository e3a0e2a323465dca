import Testing

@testable import LinuxSupport

struct Base64Tests {
  /// The vectors of RFC 4648, section 10, and the digits that a URL would write otherwise.
  static let vectors: [(String, [UInt8])] = [
    ("", []), ("Zg==", Array("f".utf8)), ("Zm8=", Array("fo".utf8)), ("Zm9v", Array("foo".utf8)),
    ("Zm9vYg==", Array("foob".utf8)), ("Zm9vYmE=", Array("fooba".utf8)), ("Zm9vYmFy", Array("foobar".utf8)),
    ("+/+/", [0xfb, 0xff, 0xbf]),
  ]

  @Test(arguments: vectors)
  func `Bytes become their text, and the text the bytes`(_ text: String, _ bytes: [UInt8]) {
    #expect(Base64.text(of: bytes) == text)
    #expect(Base64.bytes(of: text) == bytes)
    #expect(Base64.bytes(of: text.filter { $0 != "=" }) == bytes)
  }

  @Test(arguments: ["Z", "Zg=", "Zm8==", "Zm9v====", "Zm 9v", "Zm9v\n", "_-_-", "Zh==", "Zm9=", "=", "é"])
  func `Any other text stands for nothing`(_ text: String) { #expect(Base64.bytes(of: text) == nil) }
}
