import ExactJSON
import Testing
import Workflow

struct RunResultTests {
  /// The result with a document put in for every piece that names one.
  private func text(_ pieces: [RunResult.Piece]) -> String {
    let parts = pieces.map { piece in
      switch piece {
      case .text(let text): String(decoding: text, as: UTF8.self)
      case .inputs: "<inputs>"
      case .outputs(let step): "<out \(step)>"
      case .stored(let step): "<stored \(step)>"
      }
    }
    return parts.joined()
  }

  @Test func `A result names its documents in the order in which they were recorded`() {
    let result = RunResult(
      runName: "r", done: ["b", "a", "c"], stores: [("n", ["b", "c"]), ("m \"q\"\n", ["a"])])
    #expect(
      text(result.pieces())
        == #"{"run_name":"r","inputs":<inputs>,"outputs":{"b":<out b>,"a":<out a>,"c":<out c>},"#
        + #""stores":{"n":[<stored b>,<stored c>],"m \"q\"\n":[<stored a>]}}"#)
  }

  @Test func `What is at hand is in the text, and only the rest is named`() {
    let result = RunResult(runName: "r", inputs: Array("{}".utf8), done: ["b", "a"], stores: [("n", ["b", "a"])])
    let some = result.pieces(lastOutputs: [Array(#"{"n":1e400}"#.utf8)], stored: ["b": Array("0.10".utf8)])
    #expect(
      text(some)
        == #"{"run_name":"r","inputs":{},"outputs":{"b":<out b>,"a":{"n":1e400}},"stores":{"n":[0.10,<stored a>]}}"#)
    let all = result.pieces(lastOutputs: [[], []], stored: ["a": [], "b": []])
    #expect(all.count == 1)
  }

  @Test func `A result without steps and stores is still whole`() {
    #expect(
      text(RunResult(runName: "\u{0}\"\\😀", done: [], stores: []).pieces())
        == #"{"run_name":"\u0000\"\\😀","inputs":<inputs>,"outputs":{},"stores":{}}"#)
  }

  @Test func `finished, failed and cancelled are the ends of a run`() {
    #expect(RunStatus.allCases.filter(\.isTerminal) == [.finished, .failed, .cancelled])
  }
}
