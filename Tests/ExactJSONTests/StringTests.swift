import ExactJSON
import Testing

@Suite
struct StringTests {
  @Test(arguments: [
    #""ab\x""#, #""ab\a""#, #""ab\'""#, #""ab\0""#, #""ab\U0041""#, #""ab\u""#, #""ab\u12""#, #""ab\u12G4""#,
    #""ab\u 123""#, #""ab\u+123""#, #""ab\é""#, #""ab\u00６1""#, "\"ab\\\n\"", #""ab\N""#,
  ])
  func `An unknown or incomplete escape is refused at its backslash`(text: String) {
    #expect(refusal(of: text) == JSONError(.invalidEscape, at: 3))
  }

  @Test(arguments: [
    #""ab\ud800""#, #""ab\uDBFF ""#, #""ab\uDC00""#, #""ab\uDFFF\uD800""#, #""ab\ud800\ud800""#, #""ab\ud800\u0041""#,
    #""ab\ud834x""#, #""ab\ud834\n""#, #""ab\udd1e\ud834""#,
  ])
  func `Half of a surrogate pair is refused at its backslash`(text: String) {
    #expect(refusal(of: text) == JSONError(.loneSurrogate, at: 3))
  }

  @Test func `A malformed second half of a surrogate pair is refused at its own backslash`() {
    #expect(refusal(of: #""\ud834\uDDxx""#) == JSONError(.invalidEscape, at: 7))
  }

  @Test(arguments: [0x1_0000, 0x1_F600, 0x2_0000, 0xF_FFFF, 0x10_FFFF])
  func `Every surrogate pair makes its scalar`(code: UInt32) throws {
    let scalar = try #require(Unicode.Scalar(code))
    let escapes = String(scalar).utf16.map { "\\u" + String($0, radix: 16) }.joined()
    #expect(try JSONValue(parsing: "\"\(escapes)\"") == .string(String(scalar)))
  }

  @Test(arguments: 0..<0x20 as Range<UInt8>)
  func `A control character that is not escaped is refused at its offset`(byte: UInt8) {
    for padding in 1..<20 {
      let plain = [UInt8](repeating: UInt8(ascii: "x"), count: padding)
      let text = bytes("\"".utf8, plain, [byte], plain, "\"".utf8)
      #expect(refusal(of: text) == JSONError(.invalidString, at: padding + 1))
    }
  }

  @Test func `Every scalar that needs no escape is kept, at every position in a string`() throws {
    let scalars: [Unicode.Scalar] = [" ", "!", "#", "[", "]", "~", "\u{7F}", "\u{80}", "\u{A2}", "\u{DC}", "\u{7FF}"]
    for scalar in scalars + ["\u{800}", "\u{D7FF}", "\u{E000}", "\u{FEFF}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}"] {
      for padding in 0..<17 {
        let string = String(repeating: "x", count: padding) + String(scalar) + String(repeating: "y", count: padding)
        #expect(try JSONValue(parsing: "\"\(string)\"") == .string(string))
        #expect(JSONValue.string(string).bytes == Array("\"\(string)\"".utf8))
      }
    }
  }

  @Test func `The writer escapes only what RFC 8259 requires`() {
    let expected: [Unicode.Scalar: String] = [
      "\"": #"\""#, "\\": #"\\"#, "\u{8}": #"\b"#, "\u{9}": #"\t"#, "\u{A}": #"\n"#, "\u{C}": #"\f"#, "\u{D}": #"\r"#,
      "\u{0}": #"\u0000"#, "\u{1}": #"\u0001"#, "\u{B}": #"\u000b"#, "\u{F}": #"\u000f"#, "\u{10}": #"\u0010"#,
      "\u{1F}": #"\u001f"#,
    ]
    for code in UInt8.min...UInt8.max {
      let scalar = Unicode.Scalar(code)
      let text = JSONValue.string(String(scalar)).text
      if let escape = expected[scalar] {
        #expect(text == "\"\(escape)\"")
      } else if code < 0x20 {
        #expect(text.hasPrefix("\"\\u00") && text.utf8.count == 8)
      } else {
        #expect(text == "\"\(scalar)\"")
      }
    }
  }

  @Test func `Escapes may be anywhere between plain runs, and read back the same`() throws {
    for padding in 0..<20 {
      let run = String(repeating: "ü", count: padding)
      let string = run + "\n\u{0}\"" + run + "\\" + run
      let value = JSONValue.string(string)
      #expect(value.text == "\"\(run)\\n\\u0000\\\"\(run)\\\\\(run)\"")
      #expect(try JSONValue(parsing: value.bytes) == value)
    }
  }

  @Test func `A string is appended in quotes to what is in the buffer`() {
    var buffer = Array("id: ".utf8)
    JSONWriter.append(string: "a/\"b\"", to: &buffer)
    #expect(String(decoding: buffer, as: UTF8.self) == #"id: "a/\"b\"""#)
  }

  @Test func `Strings are equal by their scalars, not by canonical equivalence`() {
    #expect("\u{E9}" == "e\u{301}")
    #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
    #expect(JSONValue.string("\u{E9}") == .string("\u{E9}"))
    #expect(JSONValue.string("ab") != .string("abc"))
  }
}
