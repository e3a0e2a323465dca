import ExactJSON
import Testing
import Workflow

struct RunResultTests {
  /// The result with a document put in for every piece that names one.
  private func text(_ result: RunResult) -> String {
    let parts = result.pieces.map { piece in
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
      text(result)
        == #"{"run_name":"r","inputs":<inputs>,"outputs":{"b":<out b>,"a":<out a>,"c":<out c>},"#
        + #""stores":{"n":[<stored b>,<stored c>],"m \"q\"\n":[<stored a>]}}"#)
  }

  @Test func `A result without steps and stores is still whole`() {
    #expect(
      text(RunResult(runName: "\u{0}\"\\😀", done: [], stores: []))
        == #"{"run_name":"\u0000\"\\😀","inputs":<inputs>,"outputs":{},"stores":{}}"#)
  }

  @Test func `finished, failed and cancelled are the ends of a run`() {
    #expect(RunStatus.allCases.filter(\.isTerminal) == [.finished, .failed, .cancelled])
  }
}
