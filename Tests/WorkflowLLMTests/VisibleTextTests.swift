import Testing

@testable import WorkflowLLM

/// A text that is shown as it comes, however it is cut.
@Suite struct VisibleTextTests {
  /// What is shown of a text that comes in pieces of this many scalars, before its end and with it.
  private func shown(_ text: String, size: Int) -> (before: String, all: String) {
    var visible = VisibleText()
    var shown = ""
    let scalars = Array(text.unicodeScalars)
    for start in stride(from: 0, to: scalars.count, by: size) {
      visible.add(String(String.UnicodeScalarView(scalars[start..<min(start + size, scalars.count)]))) { shown += $0 }
    }
    let before = shown
    visible.finish(with: Reasoning.removed(from: text)) { shown += $0 }
    return (before, shown)
  }

  @Test(
    arguments: [
      "A bay.", "  A bay. ", "<think>Hm.</think>A bay.", "\n<Think>\nHm.\n</THINK>\n\nA bay.", "<b>A bay.</b>", "<",
      "<think", "A <think>bay</think>.", "<think></think><think>b</think>A bay.", "</think>\n\nA bay.",
      "<think>a<think>b</think>c</think>A bay.", "[THINK]Hm.[/THINK] A bay.", "[1] A bay.", "<thinking>Hm.</thinking>A",
      "<thin>A", "<reasoning>a < b <c</reasoning>A", "\u{feff}<think>Hm.</think>Å", "<think>Hm", "", " \n", "<|x|>A",
      "<think>The tag <think>?\n</think>\nA bay.", "<thought>e\u{301}</thought>e\u{301}",
      "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>A bay.<|return|>",
    ], [1, 2, 3, 5, 1_000])
  func `What is shown is the text without its reasoning`(text: String, size: Int) {
    #expect(shown(text, size: size).all == Reasoning.removed(from: text))
  }

  @Test func `A text is shown as soon as it cannot be reasoning any more`() {
    #expect(shown("<thin ice", size: 1).before == "<thin ice")
    #expect(shown("<think>a</think> b", size: 1).before == "b")
    #expect(shown("<think>a", size: 1).before == "")
  }

  /// Each would be looked at again and again: a minute of computing.
  @Test(.timeLimit(.minutes(5)), arguments: [" ", "<think>", "<think>x</think>", "<", "[", "x<thin"])
  func `A text in very many pieces is looked at once`(piece: String) {
    var visible = VisibleText()
    for _ in 0..<50_000 { visible.add(piece) { _ in } }
    visible.add("<think>") { _ in }
    for _ in 0..<50_000 { visible.add(piece) { _ in } }
  }

  @Test func `Reasoning that no tag has opened is shown, since nothing tells before its end`() {
    #expect(shown("Hm.\n</think>\n\nA bay.", size: 3).all == "Hm.\n</think>\n\nA bay.")
  }
}
