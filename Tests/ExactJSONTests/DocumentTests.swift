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

  @Test func `What is not JSON is no document`() {
    #expect(throws: JSONError(.unexpectedEnd, at: 1)) { try JSONDocument(parsing: Array("{".utf8)) }
    #expect(throws: JSONError(.tooDeep(limit: 1), at: 5)) {
      try JSONDocument(parsing: Array(#"{"a":[]}"#.utf8), maximumDepth: 1)
    }
  }
}
