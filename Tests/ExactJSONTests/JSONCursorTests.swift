import ExactJSON
import Testing

/// Texts that are read without making values of them.
@Suite struct JSONCursorTests {
  private func isRead(_ text: [UInt8]) -> Bool { JSONCursor.read(text) { $0.skip() ? true : nil } == true }

  @Test(
    arguments: [
      "null", "true", "false", "0", "-1.5e+3", "\"\"", "\"é\"", "[]", "{}", " [ 1 , 2 ] ", "{\"a\":[{},{\"b\":null}]}",
      "\t{ \"a\" : 1 ,\n\"b\" : [ ] }\r\n",
    ])
  func `Every kind of value is read`(text: String) {
    #expect(isRead(Array(text.utf8)))
  }

  @Test(
    arguments: [
      "", " ", "nul", "nulll", "True", "01", "1.", "-", "+1", "1e", "\"", "\"a", "\"\\n\"", "\"\n\"", "[", "[1", "[1,]",
      "[,1]", "[1 2]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1 \"b\":2}", "1 2", "{}}", "[]]",
      "NaN",
    ])
  func `What is no JSON, or has an escape, is a fault`(text: String) {
    #expect(!isRead(Array(text.utf8)))
  }

  @Test func `Whatever a byte is changed to, nothing is read that the parser refuses`() {
    let text = Array(#"{"a":[1.5e3,-2,true,{"b":null}],"c":{"d":"é"},"e":[]}"#.utf8)
    for index in text.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = text
        changed[index] = byte
        guard isRead(changed) else { continue }
        #expect(throws: Never.self) { try JSONValue(leniently: changed) }
      }
    }
  }

  @Test func `Members and elements are given in order, with their keys`() {
    var keys: [String] = []
    let text = Array(#"{"a":"x","b":[1,2],"c":null}"#.utf8)
    let found = JSONCursor.read(text) { cursor -> String? in
      var value: String?
      let isRead = cursor.object { cursor, key in
        keys.append(key.string)
        if key == "a" { value = cursor.string()?.string }
        if key == "b" { return cursor.array { $0.literal("1") || $0.literal("2") } }
        return key == "a" ? value != nil : cursor.literal("null")
      }
      return isRead ? value : nil
    }
    #expect(found == "x" && keys == ["a", "b", "c"])
  }

  @Test func `A text that is nested deeply is a fault, and no danger`() {
    #expect(
      isRead(Array(String(repeating: "[", count: 16) + String(repeating: "]", count: 16)).map { $0.asciiValue ?? 0 }))
    #expect(!isRead([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)))
  }
}
