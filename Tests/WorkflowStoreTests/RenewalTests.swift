import Hiredis
import Testing
import Workflow
import WorkflowStore

/// What a worker's heartbeat renews.
@Suite(.timeLimit(.minutes(5))) struct RenewalTests {
  private let bench: Bench

  init() throws { bench = try Bench(limits: RunStore.Limits(retain: 1_000)) }

  @Test func `A heartbeat renews the leases in hand and shows that the worker lives`() async throws {
    for _ in 0..<2 { try await bench.submit() }
    let runs = try await bench.claimRuns(2)
    let before = try await bench.now()
    #expect(try await bench.beat(runs, lease: .seconds(100)).isEmpty)
    for run in runs { #expect(try #require(try await bench.leaseEnd(run.id)) >= before + 99.998) }
    let seen = try await bench.send("ZSCORE", bench.prefix + "workers", "w").string.flatMap { Double($0) }
    #expect(try #require(seen) / 1_000 >= before + 99.998)
  }

  @Test func `A lease that lapsed and that nobody took is renewed`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.lapse(id, secondsAgo: 1_000)
    #expect(try await bench.beat([run]).isEmpty)
    #expect(try await bench.store.recover().isEmpty)
    #expect(try await bench.record(run, 1) { $0.checkpoint("a", "{}") } == .recorded)
  }

  @Test func `A heartbeat names the runs that others have taken, and renews no lease of an ended one`() async throws {
    for _ in 0..<5 { try await bench.submit() }
    let runs = try await bench.claimRuns(5, id: "1")
    try await bench.record(runs[0], 1) { $0.finish() }
    try await bench.lapse(runs[1].id)
    _ = try await bench.store.recover()
    try await bench.record(runs[2], 1) { $0.end = .handedBack(asSuspect: false) }
    #expect(try await bench.claim(1, id: "2", worker: "v").runs.map(\.id) == [runs[2].id])
    let taken = try await bench.leaseEnd(runs[2].id)
    try await bench.send("DEL", "\(bench.prefix)job:\(runs[3].id)")
    try await bench.send("ZREM", bench.prefix + "leases", runs[3].id.description)

    #expect(try await bench.beat(runs, lease: .seconds(500)) == runs[1...3].map(\.id))
    #expect(try await bench.leaseEnd(runs[0].id) == nil)
    #expect(try await bench.leaseEnd(runs[1].id) == nil)
    #expect(try await bench.leaseEnd(runs[2].id) == taken)
    #expect(try await bench.leaseEnd(runs[3].id) == nil)
    #expect(try #require(try await bench.leaseEnd(runs[4].id)) > (taken ?? .infinity) + 400)
  }

  @Test func `A worker without runs beats too`() async throws {
    #expect(try await bench.beat([], worker: "idle").isEmpty)
    #expect(try await bench.keys() == ["lease_lengths", "workers"])
  }
}
