import ExactJSON
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowAPI

@Suite(.timeLimit(.minutes(5))) struct DeadLettersRouteTests {
  private let api: TestAPI

  init() throws { api = try TestAPI() }

  @Test func `Without dead letters the list is empty`() async {
    let answer = await api.answer("GET", "/status?dead=1")
    #expect(answer.status == 200 && answer.text == #"{"runs":[],"next":null}"#)
  }

  @Test func `A run whose workers died is listed with its failure`() async throws {
    let id = try await api.submit()
    var clock = try await recover(id, after: nil)
    for crash in 1...3 {
      let run = try await api.claim("\(crash)")
      try await api.record(run) { batch in
        batch.log(.stepStart(step: "a", op: "note"))
        batch.hasStepInFlight = true
      }
      try await api.send("ZADD", "\(api.partitions.store(of: id).keys.prefix)leases", "1", id.description)
      clock = try await recover(id, after: clock)
    }
    let runs = await api.answer("GET", "/status?dead=1&limit=1").json["runs"]?.arrayValue ?? []
    let letter = try #require(runs.first?.objectValue)
    #expect(runs.count == 1)
    #expect(letter["job_id"] == .string(id.description) && letter["run_name"] == "r" && letter["status"] == "failed")
    #expect(letter["error_code"] == "worker_crashed" && letter["steps_in_flight"] == ["a"])
    for name in ["created_ts", "started_ts", "finished_ts"] { #expect(letter[name]?.numberValue != nil, "\(name)") }
  }

  private func recover(_ id: JobID, after clock: String?) async throws -> String? {
    try await api.partitions.store(of: id).recover(
      after: clock, within: .seconds(60), kind: .taking, lease: .seconds(60), limit: 100
    ).clock
  }

  @Test(arguments: [
    ("?dead=2", "value_error at query.dead"),
    ("?dead=1&limit=0", "value_error at query.limit"), ("?dead=1&limit=1001", "value_error at query.limit"),
  ])
  func `Any other query is a 422 that names its fault`(_ query: String, _ fault: String) async {
    let answer = await api.answer("GET", "/status\(query)")
    #expect(answer.status == 422 && answer.faults == [fault])
  }
}
