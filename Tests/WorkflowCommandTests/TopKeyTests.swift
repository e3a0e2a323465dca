import Curl
import ExactJSON
import Testing

@testable import WorkflowCommand

/// What the keys of `wf top` do.
@Suite struct TopKeyTests {
  private static let ids = (0..<3).map { "0f8fad5b-d9cb-469f-a165-70867728950\($0)" }

  /// A started run, a paused one and one that has failed.
  private func state() -> TopState {
    let runs = zip(Self.ids, ["started", "queued", "failed"]).map { id, status in
      TopViewTests.run(["job_id": .string(id), "status": .string(status), "paused": .bool(status == "queued")])
    }
    var snapshot = TopViewTests.snapshot([runs[0]], ended: [runs[2]])
    snapshot.queued = [runs[1]]
    return TopViewTests.state(snapshot)
  }

  private func footer(_ state: TopState) -> String {
    TopView(state: state, width: 90, height: 24).lines().last?.text ?? ""
  }

  @Test func `Sequences of terminals are keys, others are left out`() {
    let text = "\u{1b}[A\u{1b}OB\u{1b}[5~\u{1b}[6~\u{1b}[H\u{1b}[4~\u{1b}[200~\u{1b}[1;5Cjq\r\u{7f}\u{1a}\u{1}é\u{1b}"
    #expect(
      TopKey.read(Array(text.utf8)) == [
        .up, .down, .pageUp, .pageDown, .first, .last, .character("j"), .character("q"), .enter, .back, .suspend, .back,
      ])
  }

  @Test func `The selection moves and stays with its run when the list changes`() {
    var state = state()
    #expect(state.selected == Self.ids[0])
    for key in [TopKey.down, .character("j"), .down, .up] { #expect(state.take(key) == nil) }
    #expect(state.selected == Self.ids[1])
    var snapshot = TopViewTests.snapshot([TopViewTests.run(["job_id": "other"])])
    snapshot.queued = [TopViewTests.run(["job_id": .string(Self.ids[1]), "status": "queued"])]
    state.take(snapshot)
    #expect(state.selected == Self.ids[1])
    state.take(TopViewTests.snapshot([]))
    #expect(state.selected == nil)
    #expect(state.take(.down) == nil && state.take(.enter) == nil)
  }

  @Test func `A cancellation waits for a yes`() {
    var state = state()
    #expect(state.take(.character("c")) == nil)
    #expect(footer(state).hasPrefix(" Cancel nightly report (0f8fad5b)? y/n"))
    #expect(state.take(.enter) == nil && footer(state) == " not cancelled")
    #expect(state.take(.character("c")) == nil)
    #expect(state.take(.character("y")) == .steer("cancel", Self.ids[0]))
  }

  @Test func `A run is paused or resumed, and retried, as it stands; else a sentence says why not`() {
    var state = state()
    #expect(state.take(.character("p")) == .steer("pause", Self.ids[0]))
    #expect(state.take(.character("r")) == nil && footer(state).contains("only a failed or cancelled run is retried"))
    _ = state.take(.down)
    #expect(state.take(.character("p")) == .steer("resume", Self.ids[1]))
    _ = state.take(.down)
    #expect(state.take(.character("r")) == .steer("retry", Self.ids[2]))
    #expect(state.take(.character("c")) == nil && footer(state).contains("it is failed"))
    #expect(state.take(.character("p")) == nil && footer(state).contains("it is failed"))
  }

  @Test func `Enter shows the steps of a run and what a model writes, and Esc leads back`() throws {
    var state = state()
    #expect(state.take(.enter) == .open(Self.ids[0]))
    var run = TopViewTests.run(["job_id": .string(Self.ids[0])])
    run.steps = [
      TopStep(id: "pre", ["op": "preprocess", "status": "done", "started_ts": 1, "finished_ts": 2]),
      TopStep(id: "llm", ["op": "llm_chat", "status": "running", "attempts": 2, "started_ts": 1_764_500_070]),
    ]
    state.take(run)
    for (name, text) in [("text", "Once upon"), ("token", " a time")] {
      let data = #"{"step":"llm","attempt":1,"offset":0,"text":"\#(text)"}"#
      state.take(try #require(TextPiece(.init(name: name, data: data))))
    }
    let lines = TopView(state: state, width: 60, height: 24).lines().map(\.text)
    #expect(lines.contains { $0.split(separator: " ") == ["✓", "pre", "preprocess", "done", "1s"] })
    #expect(lines.contains { $0.split(separator: " ") == ["▸", "llm", "llm_chat", "running", "5s", "attempt", "2"] })
    #expect(lines.contains { $0.contains("Once upon a time") })
    #expect(state.take(.character("c")) == nil && state.confirming?.id == Self.ids[0])
    _ = state.take(.character("n"))
    #expect(state.take(.back) == .close && state.page == .runs)
    #expect(state.take(.character("q")) == .quit)
  }
}
