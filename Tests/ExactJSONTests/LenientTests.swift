import ExactJSON
import Testing

@Suite struct LenientTests {
  private func read(_ text: String) throws -> JSONValue { try JSONValue(leniently: Array(text.utf8)) }

  @Test(
    arguments: [
      ("\u{feff}{}", "{}"), (#"{"a":1,"b":2,"a":3}"#, #"{"a":3,"b":2}"#),
      (#"[NaN,Infinity,-Infinity,-1]"#, "[null,null,null,-1]"),
      (#""\ud800""#, "\"\u{fffd}\""), (#""\ud800\u0041""#, "\"\u{fffd}A\""),
      (#""\ud800\ud83d\ude00""#, "\"\u{fffd}😀\""),
      (#""\udc00x""#, "\"\u{fffd}x\""), (#""\ud83d\ude00""#, "\"😀\""), ("\"a\tb\nc\"", #""a\tb\nc""#), ("  7  ", "7"),
    ])
  func `What has a plain meaning is read, however it is written`(text: String, meaning: String) throws {
    #expect(try read(text).text == meaning)
  }

  @Test func `Bytes that are not UTF-8 become the replacement character`() throws {
    #expect(try JSONValue(leniently: [0x22, 0x61, 0xE4, 0xB8, 0x22]) == "a\u{fffd}")
    #expect(throws: JSONError.self) { try JSONValue(leniently: [0xFF, 0xFE, 0x7B, 0x00]) }
  }

  @Test(arguments: ["", "\u{feff}", "{", "{} x", "[1,]", "nan", "-Inf", #"{"a" 1}"#, "<html>", #""\x""#, "01", "tru"])
  func `What is not JSON at all stays an error`(text: String) {
    #expect(throws: JSONError.self) { try read(text) }
  }

  @Test(arguments: ["{\"a\":1,\"a\":2}", "\u{feff}{}", "[NaN]", #""\ud800""#, "\"\t\""])
  func `The strict reader takes none of it`(text: String) {
    #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
  }

  @Test func `Depth is bounded as for the strict reader, and keys without number cost no more than their length`()
    throws
  {
    #expect(throws: JSONError.self) { try read(String(repeating: "[", count: 129)) }
    let keys = (0..<20_000).map { "\"k\($0)\":0" }.joined(separator: ",")
    #expect(try read("{\(keys),\(keys)}").objectValue?.count == 20_000)
  }
}
