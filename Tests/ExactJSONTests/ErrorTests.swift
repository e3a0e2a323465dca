import ExactJSON
import Testing

@Suite
struct ErrorTests {
  @Test(arguments: [
    ("", "The text is empty at byte 0."),
    ("[1,", "The text ends too early at byte 3."),
    ("[1 2]", "Expected ',' or ']' but found '2' at byte 3."),
    ("[1,\u{2028}]", "Expected a value but found U+2028 at byte 3."),
    ("[01]", "Malformed number at byte 1."),
    ("[\"\n\"]", "A string contains a control character that is not escaped at byte 2."),
    (#"["\x"]"#, "A string contains an unknown or incomplete escape at byte 2."),
    (#"["\ud800"]"#, "A string contains half of a surrogate pair at byte 2."),
    ("\u{FEFF}{}", "The text starts with a byte order mark, which JSON does not allow, at byte 0."),
    (#"{"a\n":1,"a\n":1}"#, #"The key "a\n" comes twice in the same object at byte 9."#),
    ("1 1", "Text follows after the end of the value at byte 2."),
  ])
  func `An error is one sentence with the offset`(text: String, sentence: String) {
    #expect(refusal(of: text)?.description == sentence)
  }

  @Test func `Errors of bytes and limits are sentences too`() {
    #expect(refusal(of: [0x5B, 0xFF])?.description == "The text is not valid UTF-8 at byte 1.")
    #expect(refusal(of: [0xFF, 0xFE])?.description == "The text is in UTF-16, not UTF-8, at byte 0.")
    #expect(
      refusal(of: "[[1]]", maximumDepth: 1)?.description == "Arrays and objects nest deeper than 1 levels at byte 1.")
  }

  @Test func `A long key is shortened in the message, not in the error`() {
    let key = String(repeating: "k", count: 5_000)
    let error = refusal(of: "{\"\(key)\":1,\"\(key)\":2}")
    #expect(error?.kind == .duplicateKey(key))
    #expect((error?.description.utf8.count ?? .max) < 200)
  }
}
