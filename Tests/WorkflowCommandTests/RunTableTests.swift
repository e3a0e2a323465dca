import ExactJSON
import Testing

@testable import WorkflowCommand

struct RunTableTests {
  @Test func `A run that was run again took the time since then, whatever lies between`() {
    func took(_ reopened: Double?, _ finished: Double?, isStarted: Bool = false) -> Double {
      RunTable.took(
        (created: 100, started: 110, reopened: reopened, finished: finished), isStarted: isStarted, now: 9_000)
    }
    #expect(took(nil, 112) == 2)
    #expect(took(5_000, 5_003) == 3)
    #expect(took(8_990, nil, isStarted: true) == 10)
    #expect(took(8_990, nil) == 10)
    #expect(took(nil, nil, isStarted: true) == 8_890)
    #expect(took(nil, nil) == 8_900)
  }

  @Test func `Tokens that no answer has counted are no zeros`() {
    func cells(_ input: Int, _ output: Int) -> [Substring] {
      let entry: JSONObject = [
        "day": "2026-11-30", "owner": "a", "model": "m", "calls": 2, "failed": 0,
        "input_tokens": .number(JSONNumber(input)), "cached_tokens": 0, "output_tokens": .number(JSONNumber(output)),
      ]
      return UsageTable.lines([entry])[1].split(separator: " ").dropFirst(3).map { $0 }
    }
    #expect(cells(0, 0) == ["2", "0", "-", "-", "-", "-"])
    #expect(cells(30, 0) == ["2", "0", "30", "0", "0", "-"])
  }

  private static let page: JSONObject = [
    "runs": [
      [
        "job_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "run_name": "nightly report", "status": "started",
        "created_ts": 1_764_500_000, "started_ts": 1_764_500_010, "finished_ts": nil,
      ]
    ]
  ]

  @Test func `A table has times where it is wide, ages where it is not`() {
    let job = "0f8fad5b-d9cb-469f-a165-70867728950e"
    #expect(
      RunTable.lines(of: Self.page, width: 120, now: 1_764_500_075) == [
        "SUBMITTED             STATUS   TIME  JOB                                   NAME",
        "2025-11-30T10:53:20Z  started  1m5s  \(job)  nightly report",
      ])
    #expect(
      RunTable.lines(of: Self.page, width: 80, now: 1_764_500_075) == [
        "AGE    STATUS   TIME  JOB                                   NAME",
        "1m15s  started  1m5s  \(job)  nightly report",
      ])
  }
}
