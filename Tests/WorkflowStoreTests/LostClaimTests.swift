import Testing
import Workflow
import WorkflowStore

/// Runs that Redis gave to a worker whose claim got no answer.
@Suite(.timeLimit(.minutes(5))) struct LostClaimTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  @Test func `A heartbeat returns the runs of a settled claim that the worker does not hold, in their order`()
    async throws
  {
    var ids: [JobID] = []
    for _ in 0..<4 { ids.append(try await bench.submit()) }
    let held = try await bench.claimRuns(1, id: "w/1")
    let given = try await bench.claimRuns(3, id: "w/2")
    #expect(try await bench.beat(held, settledClaim: 1).returned == [])
    #expect(try await bench.list(Bench.queue) == [])
    let beat = try await bench.beat(held, settledClaim: 2)
    #expect(beat.lost == [] && Set(beat.returned) == Set(given.map(\.id)))
    #expect(try await bench.list(Bench.queue) == ids.dropFirst().map(\.description))
    for run in given {
      let job = try await bench.state(run.id)
      #expect(job["status"] == "queued" && job["end"] == "" && job["crashes"] == "0" && job["silent"] == "0")
      #expect(try await bench.leaseEnd(run.id) == nil)
      #expect(try await bench.record(run, 1) { $0.checkpoint("a", "{}") } == .lost("queued"))
    }
    #expect(try await bench.claim(3, id: "v/1", worker: "v").runs.map(\.id) == Array(ids.dropFirst()))
    #expect(try await bench.beat(held, settledClaim: 2).returned == [])
  }

  @Test func `A run of which something is recorded, that has ended or that another worker took, stays`() async throws {
    for _ in 0..<3 { try await bench.submit() }
    let runs = try await bench.claimRuns(3, id: "w/1")
    try await bench.record(runs[0], 1) { $0.log(.stepStart(step: "a", op: "note")) }
    try await bench.record(runs[1], 1) { $0.finish() }
    try await bench.record(runs[2], 1) { $0.end = .handedBack(asSuspect: false) }
    let other = try await bench.claimOne("v/1", worker: "v")
    let beat = try await bench.beat([], settledClaim: 1)
    #expect(beat.lost == [] && beat.returned == [])
    #expect(try await bench.hash("job:\(runs[0].id)")["status"] == "started")
    #expect(try await bench.state(other.id)["token"] == other.token)
  }

  @Test func `A claim that is repeated after its runs returned brings none of them`() async throws {
    try await bench.submit()
    _ = try await bench.claimRuns(1, id: "w/1")
    _ = try await bench.beat([], settledClaim: 1)
    #expect(try await bench.claim(10, id: "w/1").runs.isEmpty)
    #expect(try await bench.claimRuns(1, id: "w/2").count == 1)
  }
}
