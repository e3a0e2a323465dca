import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

/// Runs that nobody would ever take are found and repaired, and nothing else is touched.
@Suite(.timeLimit(.minutes(1))) struct ReconciliationTests {
  private let bench: Bench

  init() throws { bench = try Bench(on: RedisServer(), prefix: "[wf]*:") }

  /// Looks through all jobs once.
  private func reconcile() async throws -> [String] {
    var cursor: String?
    var repaired: [String] = []
    repeat {
      let found = try await bench.store.reconcile(from: cursor, lease: .seconds(15))
      cursor = found.cursor
      repaired += found.repaired.map { "\($0.id) \($0.what)" }
    } while cursor != nil
    return repaired
  }

  @Test func `What is in order is left alone`() async throws {
    for _ in 0..<5 { try await bench.submit() }
    let runs = try await bench.claimRuns(4)
    try await bench.record(runs[0], 1) { $0.finish() }
    try await bench.record(runs[1], 1) { $0.fail() }
    try await bench.record(runs[2], 1) { $0.end = .handedBack(asSuspect: true) }
    let before = try await bench.snapshot()
    #expect(try await reconcile() == [])
    #expect(try await bench.snapshot() == before)
  }

  @Test func `A started run without a lease gets one, and goes on when nobody renews it`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.send("DEL", bench.prefix + "leases")
    let before = try await bench.now()
    #expect(try await reconcile() == ["\(id) started without a lease"])
    #expect(try #require(try await bench.leaseEnd(id)) >= before + 14.998)
    #expect(try await reconcile() == [])
    #expect(try await bench.beat([run]).isEmpty)
    try await bench.lapse(id)
    #expect(try await bench.store.recover().map(\.recovery) == [.requeued])
    #expect(try await bench.store.health().repairs == ["runs_without_lease": 1])
  }

  @Test func `A queued run that is in no queue goes to the head of its own`() async throws {
    let ids = [try await bench.submit(), try await bench.submit()]
    let suspect = try await bench.submit()
    try await bench.send("HSET", "\(bench.prefix)job:\(suspect)", "crashes", "2")
    try await bench.send("LREM", bench.prefix + "queue:1", "0", ids[1].description)
    try await bench.send("LREM", bench.prefix + "queue:1", "0", suspect.description)
    #expect(try await Set(reconcile()) == Set([ids[1], suspect].map { "\($0) queued without a queue entry" }))
    #expect(try await bench.list("queue:1") == [ids[1], ids[0]].map(\.description))
    #expect(try await bench.list("suspects:1") == [suspect.description])
    #expect(try await reconcile() == [])
  }

  @Test func `A run of a newer format is left alone`() async throws {
    let id = try await bench.submit()
    try await bench.send("HSET", "\(bench.prefix)job:\(id)", "format", "2")
    try await bench.send("DEL", bench.prefix + "queue:1")
    #expect(try await reconcile() == [])
    #expect(try await bench.type("queue:1") == "none")
  }

  @Test func `Queue entries without a job and leases without a run are counted as they are dropped`() async throws {
    try await bench.send("RPUSH", bench.prefix + "queue:1", JobID().description)
    try await bench.send("ZADD", bench.prefix + "leases", "1", JobID().description)
    #expect(try await bench.claim(1).dropped == 1)
    #expect(try await bench.store.recover().map(\.recovery) == [.dropped])
    #expect(try await bench.store.health().repairs == ["entries_without_job": 1, "leases_without_run": 1])
  }
}
