import ExactJSON
import Testing

@Suite
struct EncodingTests {
  @Test(
    arguments: [
      [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
      [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
      [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
      [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF],
    ] as [[UInt8]])
  func `Bytes that are not UTF-8 are refused at their offset`(sequence: [UInt8]) {
    #expect(refusal(of: bytes("[\"a".utf8, sequence, "\"]".utf8)) == JSONError(.invalidUTF8, at: 3))
    #expect(refusal(of: bytes("[\"\\n".utf8, sequence, "\\n\"]".utf8)) == JSONError(.invalidUTF8, at: 4))
    #expect(refusal(of: bytes("{\"a".utf8, sequence, "\":1}".utf8)) == JSONError(.invalidUTF8, at: 3))
    #expect(refusal(of: bytes("[1,".utf8, sequence, "]".utf8)) == JSONError(.invalidUTF8, at: 3))
    #expect(refusal(of: bytes("[1]".utf8, sequence)) == JSONError(.invalidUTF8, at: 3))
    #expect(refusal(of: bytes("[\"a".utf8, sequence)) == JSONError(.invalidUTF8, at: 3))
  }

  @Test(arguments: ["{}", "", "[1]"])
  func `A byte order mark is refused`(text: String) {
    #expect(refusal(of: "\u{FEFF}" + text) == JSONError(.byteOrderMark, at: 0))
  }

  @Test(arguments: ["{\"a\": 1}", "[]", "12", "\"a\""])
  func `UTF-16 is recognised, with and without a byte order mark`(text: String) {
    let big = text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    let little = text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    for bytes in [big, little, [0xFE, 0xFF] + big, [0xFF, 0xFE] + little] {
      #expect(refusal(of: bytes) == JSONError(.otherEncoding("UTF-16"), at: 0))
    }
  }

  @Test func `UTF-32 is recognised by its leading zeros`() {
    #expect(refusal(of: [0, 0, 0, UInt8(ascii: "1")]) == JSONError(.otherEncoding("UTF-32"), at: 0))
  }

  @Test func `A single zero byte is no JSON`() {
    #expect(refusal(of: [0]) == JSONError(.unexpectedCharacter("\u{0}", expected: "a value"), at: 0))
  }
}
