import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

/// Runs that nobody would ever take are found and repaired, and nothing else is touched.
@Suite(.timeLimit(.minutes(5))) struct ReconciliationTests {
  private let bench: Bench

  init() throws { bench = try Bench(on: RedisServer(), prefix: "[wf]*:") }

  @Test func `What is in order is left alone`() async throws {
    for _ in 0..<5 { try await bench.submit() }
    let runs = try await bench.claimRuns(4)
    try await bench.record(runs[0], 1) { $0.finish() }
    try await bench.record(runs[1], 1) { $0.fail() }
    try await bench.record(runs[2], 1) { $0.end = .handedBack(asSuspect: true) }
    let before = try await bench.snapshot()
    #expect(try await bench.reconcile() == [])
    #expect(try await bench.snapshot() == before)
  }

  @Test func `A started run without a lease gets one, and goes on when nobody renews it`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.send("DEL", bench.prefix + "leases")
    let before = try await bench.now()
    #expect(try await bench.reconcile() == ["\(id) started without a lease"])
    #expect(try #require(try await bench.leaseEnd(id)) >= before + 14.998)
    #expect(try await bench.reconcile() == [])
    #expect(try await bench.beat([run]).isEmpty)
    try await bench.lapse(id)
    #expect(try await bench.store.recover().map(\.recovery) == [.requeued])
    #expect(try await bench.store.health().repairs == ["runs_without_lease": 1])
  }

  @Test func `A queued run that is in no queue goes to the head of its own`() async throws {
    let ids = [try await bench.submit(), try await bench.submit()]
    let suspect = try await bench.submit()
    try await bench.send("HSET", "\(bench.prefix)job:\(suspect)", "again", "2 2 0 1.000000 41")
    try await bench.send("LREM", bench.prefix + Bench.queue, "0", ids[1].description)
    try await bench.send("LREM", bench.prefix + Bench.queue, "0", suspect.description)
    #expect(try await Set(bench.reconcile()) == Set([ids[1], suspect].map { "\($0) queued without a queue entry" }))
    #expect(try await bench.list(Bench.queue) == [ids[1], ids[0]].map(\.description))
    #expect(try await bench.list(Bench.suspects) == [suspect.description])
    #expect(try await bench.reconcile() == [])
  }

  @Test func `A run of a newer format is left alone`() async throws {
    let id = try await bench.submit()
    try await bench.send("HSET", "\(bench.prefix)job:\(id)", "format", "3")
    try await bench.send("DEL", bench.prefix + Bench.queue)
    #expect(try await bench.reconcile() == [])
    #expect(try await bench.type(Bench.queue) == "none")
  }

  @Test func `Queue entries without a job and leases without a run are counted as they are dropped`() async throws {
    try await bench.send("HSET", bench.prefix + "classes", Bench.noteClass, "note")
    try await bench.send("RPUSH", bench.prefix + Bench.queue, JobID().description)
    try await bench.send("ZADD", bench.prefix + "leases", "1", JobID().description)
    #expect(try await bench.claim(1).dropped == 1)
    #expect(try await bench.store.recover().map(\.recovery) == [.dropped])
    #expect(try await bench.store.health().repairs == ["entries_without_job": 1, "leases_without_run": 1])
  }

  @Test func `A lost run is found at once, however many runs are stored that have ended`() async throws {
    for _ in 0..<300 { try await bench.submit() }
    for run in try await bench.claimRuns(300) { try await bench.record(run, 1) { $0.finish() } }
    let id = try await bench.submit()
    try await bench.send("DEL", bench.prefix + Bench.queue)
    let found = try await bench.store.reconcile(from: .init(), worker: "w", lease: .seconds(15))
    #expect(try #require(found).repaired.map(\.id) == [id])
    #expect(try await bench.send("ZCARD", bench.prefix + "live") == .integer(1))
  }

  @Test func `More live runs than one look takes are all seen`() async throws {
    for _ in 0..<1_200 { try await bench.submit() }
    let ids = try await bench.list(Bench.queue)
    try await bench.send("LTRIM", bench.prefix + Bench.queue, "1", "-2")
    #expect(
      try await Set(bench.reconcile()) == Set([ids[0], ids[1_199]].map { "\($0) queued without a queue entry" }))
  }

  @Test func `Live runs that are not known as such are found by a look through all keys`() async throws {
    let ids = [try await bench.submit(), try await bench.submit()]
    _ = try await bench.claimRuns(1)
    for key in ["live", "leases", Bench.queue] { try await bench.send("DEL", bench.prefix + key) }
    #expect(
      try await Set(bench.reconcile(allKeys: true))
        == ["\(ids[0]) started without a lease", "\(ids[1]) queued without a queue entry"])
  }

  @Test func `What is known as live and is not is forgotten, also when the set is none`() async throws {
    let id = try await bench.submit()
    for other in [JobID().description, "job:x"] { try await bench.send("ZADD", bench.prefix + "live", "1", other) }
    #expect(try await bench.reconcile() == [])
    #expect(try await bench.send("ZRANGE", bench.prefix + "live", "0", "-1").array?.map(\.string) == [id.description])
    try await bench.send("DEL", bench.prefix + "live")
    try await bench.send("SET", bench.prefix + "live", "mine")
    let other = try await bench.submit()
    try await bench.send("DEL", bench.prefix + Bench.queue)
    #expect(try await bench.reconcile(allKeys: true).count == 2)
    #expect(try await Set(bench.list(Bench.queue)) == [id.description, other.description])
  }

  @Test func `One worker looks, until it has not for a lease or Redis's clock has gone back`() async throws {
    func looks(_ worker: String) async throws -> Bool {
      try await bench.store.reconcile(from: .init(), worker: worker, lease: .seconds(15)) != nil
    }
    #expect(try await looks("one"))
    #expect(try await !looks("other"))
    #expect(try await looks("one"))
    for step in [-16_000, 16_000] {
      let time = Int(try await bench.now() * 1_000) + step
      try await bench.send("HSET", bench.prefix + "recovery", "sweeper", "one", "reconciled", "\(time)")
      #expect(try await looks("other"))
      #expect(try await !looks("one"))
    }
  }
}
