import Testing
import Workflow

@testable import WorkflowCommand

/// The live table of `wf watch`.
@Suite struct StepTableTests {
  private func view(_ id: String, _ status: StepView.Status, from start: String?, to end: String? = nil) -> StepView {
    var view = StepView(id: id, op: "llm_summarize")
    view.status = status
    view.startedAt = start.map { Array($0.utf8)[...] }
    view.finishedAt = end.map { Array($0.utf8)[...] }
    return view
  }

  @Test func `A running step shows how long it has been running, a finished one how long it took`() {
    let views = [
      view("a", .done, from: "100.25", to: "101.50"), view("b", .running, from: "101.5"),
      view("c", .pending, from: nil),
    ]
    let lines = StepTable.lines(views, now: 165.6, width: 80, height: 24)
    #expect(lines[0] == "  ✓ a  llm_summarize  done  1.25 s")
    #expect(lines[1] == "  ▸ b  llm_summarize  running  64 s")
    #expect(lines[2] == "  · c  llm_summarize  pending")
    #expect(StepTable.lines(views, now: nil, width: 80, height: 24)[1] == "  ▸ b  llm_summarize  running")
    // The clocks of two hosts may differ.
    #expect(StepTable.lines(views, now: 90, width: 80, height: 24)[1].hasSuffix("running  0 s"))
  }

  @Test func `A step with the placeholder's words in place of the model's is marked`() {
    var view = view("llm", .done, from: "1", to: "2")
    view.isDegraded = true
    let line = StepTable.lines([view], now: nil, width: 80, height: 24)[0]
    #expect(line == "  ! llm  llm_summarize  done  1.00 s  placeholder")
  }

  @Test func `Items are counted, and a waiting step says why and how long`() throws {
    var map = view("map", .running, from: "100")
    map.lastProgress = ProgressHead(
      Array(#"{"ts":101.0,"msg":"step_progress","step":"map","done":5,"failed":1,"total":40}"#.utf8))
    var llm = view("llm", .waiting, from: "100")
    llm.attempts = 2
    llm.lastRetry = ProgressHead(
      Array(
        #"{"ts":101.0,"msg":"step_retry","step":"llm","attempt":2,"error_code":"rate_limited","error":"x","retry_at":130.2}"#
          .utf8))
    let lines = StepTable.lines([map, llm], now: 110, width: 80, height: 24)
    #expect(lines[0] == "  ▸ map  llm_summarize  running  10 s  5/40 items, 1 failed")
    #expect(lines[1] == "  ↻ llm  llm_summarize  waiting  attempt 2  rate_limited, next in 21 s")
  }

  @Test(arguments: [1, 10, 20, 40, 80, 200]) func `No line is wider than the terminal`(width: Int) {
    let id = String(repeating: "x", count: 128)
    let views = (1...40).map { view("\(id)\($0)", .running, from: "1") }
    let lines = StepTable.lines(views, now: 5_000, width: width, height: 23)
    #expect(lines.allSatisfy { $0.count <= width })
    #expect(lines.count <= 23)
  }

  @Test func `Long ids and the bar get the width that is there`() {
    let id = String(repeating: "x", count: 100)
    let wide = StepTable.lines([view(id, .running, from: "1")], now: 3, width: 200, height: 24)
    #expect(wide[0] == "  ▸ \(id)  llm_summarize  running  2 s")
    #expect(wide[1].count == 200)
    let narrow = StepTable.lines([view(id, .running, from: "1")], now: 3, width: 80, height: 24)
    #expect(narrow[0].hasSuffix("…  llm_summarize  running  2 s"))
    #expect(narrow[1].count == 80)
  }
}
