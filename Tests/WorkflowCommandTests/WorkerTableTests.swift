import ExactJSON
import Testing

@testable import WorkflowCommand

@Suite struct WorkerTableTests {
  private func worker(_ members: JSONObject) -> JSONObject {
    let known: JSONObject = [
      "id": "h-1-a", "host": "h", "version": "1.2", "age_s": 93_784, "runs": 3, "slots": 64, "state": "working",
      "operations": ["combine", "shout"],
    ]
    return members.members.reduce(into: known) { $0[$1.key] = $1.value }
  }

  @Test func `a line tells all of a worker, and of an older one its name`() {
    let older: JSONObject = ["id": "h-2-b", "host": .null, "state": .null]
    let lines = WorkerTable.lines([worker([:]), older], width: 120)
    #expect(lines[0].split(separator: " ") == ["WORKER", "HOST", "VERSION", "AGE", "RUNS", "STATE", "OPERATIONS"])
    #expect(lines[1].split(separator: " ").joined(separator: " ") == "h-1-a h 1.2 1d 2h 3/64 working combine shout")
    #expect(lines[2].split(separator: " ").joined(separator: " ") == "h-2-b - - - - - -")
  }

  @Test func `a line is as wide as the terminal, and nothing in it moves the cursor`() {
    let many = JSONValue.array((0..<50).map { .string("op\($0)") })
    let line = WorkerTable.lines([worker(["operations": many])], width: 80)[1]
    #expect(line.count == 80 && line.hasSuffix("…"))
    let hostile = WorkerTable.lines([worker(["host": "a\u{1b}[2J\n"])], width: 80)[1]
    #expect(!hostile.contains("\u{1b}") && !hostile.contains("\n"))
  }

  @Test(arguments: [(0, "0s"), (59, "59s"), (60, "1m 0s"), (3_599, "59m 59s"), (3_600, "1h 0m"), (90_000, "1d 1h")])
  func `an age has its two largest units`(_ seconds: Int, _ text: String) {
    #expect(WorkerTable.age(seconds) == text)
  }
}
