import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct FencingTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  /// Sends a record that writes all that there is to write.
  private func everything(_ run: ClaimedRun, _ sequence: Int, token: String? = nil) async throws -> WriteOutcome {
    var record = bench.record(after: run)
    record.begin(.stepStart(step: "a", op: "note"))
    record.store("a", 0, "x", "1")
    record.checkpoint("a", "{}")
    return try await bench.write(record, run, sequence, token: token)
  }

  @Test func `The same sequence number again writes nothing twice`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    #expect(try await everything(run, 1) == .recorded)
    let before = try await bench.snapshot()
    #expect(try await everything(run, 1) == .recorded)
    #expect(try await bench.snapshot() == before)
  }

  @Test func `The end of a run sent again is the same end`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    #expect(try await bench.record(run, 1) { $0.finish() } == .recorded)
    let before = try await bench.snapshot()
    #expect(try await bench.record(run, 1) { $0.finish() } == .recorded)
    #expect(try await bench.snapshot() == before)
    #expect(try await bench.log(id).filter { $0.contains("finished") }.count == 1)
  }

  @Test func `A sequence number out of turn writes nothing, and a later one is told where to begin`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    let fresh = try await bench.snapshot()
    #expect(try await everything(run, 2) == .behind(0))
    #expect(try await bench.snapshot() == fresh)
    #expect(try await everything(run, 1) == .recorded)
    try await bench.record(run, 2) { $0.log(.stepStart(step: "b", op: "note")) }
    let before = try await bench.snapshot()
    #expect(try await everything(run, 1) == .lost("out of sequence"))
    #expect(try await everything(run, 4) == .behind(2))
    #expect(try await bench.snapshot() == before)
  }

  @Test(arguments: ["", "1-other", "2-claim", "claim", "1-claim "])
  func `Another token is lost and writes nothing`(token: String) async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    let before = try await bench.snapshot()
    for sequence in 0...1 { #expect(try await everything(run, sequence, token: token) == .lost("started")) }
    #expect(try await bench.snapshot() == before)
  }

  @Test func `A run that nobody knows is lost`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.send("DEL", "\(bench.prefix)job:\(run.id)")
    let before = try await bench.snapshot()
    #expect(try await everything(run, 1) == .lost("gone"))
    #expect(try await bench.snapshot() == before)
  }

  @Test func `After a hand-back nothing more is written, also when another worker has the run`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne("1")
    try await bench.record(run, 1) { $0.end = .handedBack(asSuspect: false) }
    let queued = try await bench.snapshot()
    #expect(try await everything(run, 2) == .lost("queued"))
    #expect(try await bench.snapshot() == queued)

    _ = try await bench.claimOne("2", worker: "v")
    let started = try await bench.snapshot()
    for sequence in 0...2 { #expect(try await everything(run, sequence) == .lost("started")) }
    #expect(try await bench.snapshot() == started)
  }

  @Test(arguments: [true, false])
  func `After its end nothing more is written to a run`(succeeds: Bool) async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { succeeds ? $0.finish() : $0.fail() }
    let before = try await bench.snapshot()
    for sequence in [2, 0, 3] {
      #expect(try await everything(run, sequence) == .lost(succeeds ? "finished" : "failed"))
    }
    #expect(try await bench.snapshot() == before)
  }

  @Test func `After the recoverer took it nothing more is written to a run`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.lapse(run.id)
    _ = try await bench.store.recover()
    let before = try await bench.snapshot()
    #expect(try await everything(run, 1) == .lost("queued"))
    #expect(try await bench.snapshot() == before)
  }
}
