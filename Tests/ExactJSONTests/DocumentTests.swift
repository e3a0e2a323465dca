import ExactJSON
import Testing

@Suite
struct DocumentTests {
  private func source(of key: String, in text: String) throws -> String? {
    try JSONDocument(parsing: Array(text.utf8)).source(of: key).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: [
    "{ \"a\" : 1 }", "1.0", "-0.0e+00", "[ 1,\n 2 ]", #""\u0061\/é""#, "null", "true", #"{"x":{"y":[{}]}}"#, "\" \"",
  ])
  func `A member's value is passed on byte for byte, without the white space around it`(value: String) throws {
    let text = "\n{\"first\": 0 ,\t\"it\" : \(value)\r\n, \"nested\": {\"it\": [2]}, \"last\":\(value)} "
    #expect(try source(of: "it", in: text) == value)
    #expect(try source(of: "last", in: text) == value)
    #expect(try source(of: "first", in: text) == "0")
    #expect(try source(of: "nested", in: text) == #"{"it": [2]}"#)
  }

  @Test func `A key is found however it is escaped in the document`() throws {
    #expect(try source(of: "inputs", in: #"{"\u0069nputs": {"n":1.0}}"#) == #"{"n":1.0}"#)
  }

  @Test(arguments: ["{}", #"{"b":1}"#, #"{"b":{"a":1}}"#, #"[{"a":1}]"#, #""a""#, "1"])
  func `There is no source for an absent key, nor in a document that is no object`(text: String) throws {
    #expect(try source(of: "a", in: text) == nil)
  }

  @Test func `Every source of a large object reads back as the member's value`() throws {
    let members = (0..<500).map { "\"\($0)\" : [\($0), {\"\($0)\": null}]" }.joined(separator: " ,\n")
    let document = try JSONDocument(parsing: Array("{\(members)}".utf8))
    let object = try #require(document.value.objectValue)
    #expect(object.count == 500)
    for member in object.members {
      let source = try #require(document.source(of: member.key))
      #expect(try JSONValue(parsing: Array(source)) == member.value)
    }
  }

  @Test func `A document keeps its value and its bytes`() throws {
    let bytes = Array(" {\"a\": 1} ".utf8)
    let document = try JSONDocument(parsing: bytes)
    #expect(document.bytes == bytes)
    #expect(document.value == ["a": 1])
  }

  @Test(arguments: [
    "[]", "[[],[[1]]]", #"["]"]"#, #"["\"]",["["]]"#, #"["\\",{"a":["\\\"]"]}]"#, #"[ {"a" : "[\u005d" } ]"#,
    #"["é😀]"]"#,
  ])
  func `An array that is known by its text is not parsed again`(array: String) throws {
    var asked: [String] = []
    let document = try JSONDocument(parsing: Array(#"{"a": \#(array) ,"b":[1],"c":{"a":[2]}}"#.utf8)) { key, text in
      asked.append(key + String(decoding: text, as: UTF8.self))
      return key == "a" ? "known" : nil
    }
    #expect(asked == ["a" + array, "b[1]"])
    #expect(document.value == ["a": "known", "b": [1], "c": ["a": [2]]])
    #expect(document.source(of: "a").map { String(decoding: $0, as: UTF8.self) } == array)
    #expect(try JSONValue(parsing: array).arrayValue != nil)
  }

  @Test(arguments: [#"{"a":["#, #"{"a":["x]"#, #"{"a":["\"#, #"{"a":[}"#, #"{"a":]}"#, #"{"a":[]"#, #"{"a":[1,]}"#])
  func `What is no array is asked for at most, and is an error`(text: String) {
    #expect(throws: JSONError.self) { try JSONDocument(parsing: Array(text.utf8)) { _, _ in nil } }
  }

  @Test func `A long array is not asked for`() throws {
    for (length, isAsked) in [(16_000, true), (17_000, false)] {
      var count = 0
      let text = #"{"a":["\#(String(repeating: "x", count: length))"]}"#
      let document = try JSONDocument(parsing: Array(text.utf8)) { _, _ in
        count += 1
        return nil
      }
      #expect(count == (isAsked ? 1 : 0) && document.value.text == text)
    }
  }

  @Test func `What is not JSON is no document`() {
    #expect(throws: JSONError(.unexpectedEnd, at: 1)) { try JSONDocument(parsing: Array("{".utf8)) }
    #expect(throws: JSONError(.tooDeep(limit: 1), at: 5)) {
      try JSONDocument(parsing: Array(#"{"a":[]}"#.utf8), maximumDepth: 1)
    }
  }
}
