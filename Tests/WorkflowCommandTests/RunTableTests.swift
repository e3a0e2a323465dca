import ExactJSON
import Testing

@testable import WorkflowCommand

struct RunTableTests {
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
