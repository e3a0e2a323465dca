import ExactJSON
import Testing

@Suite
struct GrammarTests {
  @Test(arguments: [
    ("null", "null"), ("true", "true"), ("false", "false"), ("0", "0"), ("-0", "-0"), (#""""#, #""""#),
    ("[]", "[]"), ("{}", "{}"), (" [ ] ", "[]"), ("\t{\r\n}\n", "{}"), ("[1 , 2\n,3]", "[1,2,3]"),
    (#"{ "a" : 1 , "b" : [ true , null ] }"#, #"{"a":1,"b":[true,null]}"#), (#"{"":0}"#, #"{"":0}"#),
    ("[[[[]]],[{}]]", "[[[[]]],[{}]]"), (#"[{"a":{"a":{"a":{}}}}]"#, #"[{"a":{"a":{"a":{}}}}]"#),
    (#""\/ \u002F /""#, #""/ / /""#), (#""\u00e9\u00E9é""#, #""ééé""#), (#""\ud834\uDD1E𝄞""#, #""𝄞𝄞""#),
    (#""\"\\\b\f\n\r\t""#, #""\"\\\b\f\n\r\t""#), (#""\u0000\u001f\u007f""#, "\"\\u0000\\u001f\u{7f}\""),
    (#""\u2028\u2029\uFEFF\uFFFE\uFFFF""#, "\"\u{2028}\u{2029}\u{FEFF}\u{FFFE}\u{FFFF}\""),
    (#""/* no comment */ // none""#, #""/* no comment */ // none""#), ("\"\u{10FFFF}\"", "\"\u{10FFFF}\""),
    (#"{"é":1,"e\u0301":2}"#, "{\"é\":1,\"e\u{301}\":2}"),
  ])
  func `Valid documents are accepted, and written compactly`(text: String, compact: String) throws {
    let value = try JSONValue(parsing: text)
    #expect(value.bytes == Array(compact.utf8))
    #expect(value.text.utf8.elementsEqual(compact.utf8))
    #expect(try JSONValue(parsing: value.bytes) == value)
  }

  @Test(arguments: [
    "", " ", "\n\t ", "[", "[ ", "[1", "[1,", "[[]", "{", #"{"a"#, #"{"a""#, #"{"a":"#, #"{"a":1"#, #"{"a":1,"#,
    "\"", #""abc"#, #""abc\"#, #""abc\u"#, #""abc\u12"#, #""\"#, #"["a"#, "t", "tru", "nul", "fals", #""12345678"#,
  ])
  func `A text that ends too early is refused at its end`(text: String) {
    #expect(refusal(of: text) == JSONError(.unexpectedEnd, at: text.utf8.count))
  }

  @Test(
    arguments: [
      (",", ",", "a value", 0), ("]", "]", "a value", 0), ("}", "}", "a value", 0), (":", ":", "a value", 0),
      ("[,]", ",", "a value", 1), ("[1,]", "]", "a value", 3), ("[1,,2]", ",", "a value", 3),
      ("[1 2]", "2", "',' or ']'", 3), ("[1:2]", ":", "',' or ']'", 2), ("[1}", "}", "',' or ']'", 2),
      (#"["a" "b"]"#, "\"", "',' or ']'", 5), (#"{"a":1,}"#, "}", "a key in double quotes", 7),
      ("{,}", ",", "a key in double quotes", 1), ("{a:1}", "a", "a key in double quotes", 1),
      ("{1:1}", "1", "a key in double quotes", 1), ("{'a':1}", "'", "a key in double quotes", 1),
      (#"{"a" 1}"#, "1", "':'", 5), (#"{"a","b"}"#, ",", "':'", 4), (#"{"a":}"#, "}", "a value", 5),
      (#"{"a":1 "b":2}"#, "\"", "',' or '}'", 7), (#"{"a":1]"#, "]", "',' or '}'", 6),
      ("// a", "/", "a value", 0), ("[1/* a */]", "/", "',' or ']'", 2), ("# a", "#", "a value", 0),
      ("'a'", "'", "a value", 0), ("NaN", "N", "a value", 0), ("Infinity", "I", "a value", 0),
      ("+1", "+", "a value", 0), (".5", ".", "a value", 0), ("[1e5x]", "x", "',' or ']'", 4),
      ("True", "T", "a value", 0),
      ("nil", "i", "'null'", 1), ("trve", "v", "'true'", 2), ("falsE", "E", "'false'", 4), ("é", "é", "a value", 0),
      ("[1,😀]", "😀", "a value", 3), ("\u{A0}1", "\u{A0}", "a value", 0), ("\u{0B}1", "\u{0B}", "a value", 0),
      ("[1\u{2028}]", "\u{2028}", "',' or ']'", 2), ("\\u0031", "\\", "a value", 0), ("[\u{0}]", "\u{0}", "a value", 1),
    ] as [(String, Unicode.Scalar, String, Int)])
  func `An unexpected character is named, with what was expected`(
    text: String, found: Unicode.Scalar, expected: String, offset: Int
  ) {
    // U+0000 as the second byte gives away UTF-16, so that case stands after a space.
    let (text, offset) = found == "\u{0}" ? (" " + text, offset + 1) : (text, offset)
    #expect(refusal(of: text) == JSONError(.unexpectedCharacter(found, expected: expected), at: offset))
  }

  @Test(arguments: [
    ("1 2", 2), ("{}{}", 2), ("[]]", 2), ("null,", 4), ("\"a\"\"b\"", 3), ("true//", 4), ("1.5.2", 3), ("1 \u{0}", 2),
    ("0x1F", 1), ("truefalse", 4), ("[] é", 3),
  ])
  func `Text after the value is refused where it starts`(text: String, offset: Int) {
    #expect(refusal(of: text) == JSONError(.trailingText, at: offset))
  }
}
