import Testing
import WorkflowLLM

@Suite struct PlaceholderTests {
  @Test(
    arguments: [
      ("", 5, "Summary(0): "), ("abc", 5, "Summary(3): abc"), ("abcde", 5, "Summary(5): abcde"),
      ("abcdef", 5, "Summary(5): abcde"), ("abc", 0, "Summary(0): "), ("abc", .max, "Summary(3): abc"),
    ] as [(String, Int, String)])
  func `It repeats how the text begins and says how much`(text: String, limit: Int, summary: String) {
    #expect(PlaceholderSummarizer.summary(of: text, limit: limit) == summary)
  }

  @Test func `It counts scalars, so it may cut a character in two`() {
    let family = "👩\u{200d}👧"
    #expect(scalars(family, 9) == Array("Summary(3): 👩\u{200d}👧".unicodeScalars))
    #expect(scalars(family, 2) == Array("Summary(2): 👩\u{200d}".unicodeScalars))
    #expect(scalars("e\u{301}e\u{301}", 3) == Array("Summary(3): e\u{301}e".unicodeScalars))
    #expect(scalars("\u{e9}", 1) == Array("Summary(1): \u{e9}".unicodeScalars))
    #expect(scalars("\r\n", 1) == Array("Summary(1): \r".unicodeScalars))
  }

  /// A summary by its scalars: strings compare by canonical equivalence, which would hide a change.
  private func scalars(_ text: String, _ limit: Int) -> [Unicode.Scalar] {
    Array(PlaceholderSummarizer.summary(of: text, limit: limit).unicodeScalars)
  }
}
