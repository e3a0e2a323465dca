import RedisFixture
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(1))) struct StatusTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func status(_ id: JobID) async throws -> StoredRun {
    try #require(try await bench.store.status(of: id))
  }

  private func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

  @Test func `A run that nobody knows has no status`() async throws {
    #expect(try await bench.store.status(of: JobID()) == nil)
  }

  @Test func `A run's status tells its way from the queue to its result`() async throws {
    let id = try await bench.submit(name: "\"n\" 😀")
    let queued = try await status(id)
    #expect(queued.status == .queued && queued.runName == "\"n\" 😀")
    #expect(queued.startedAt == nil && queued.finishedAt == nil && queued.error == nil && queued.errorCode == nil)
    #expect(queued.result == nil && queued.progress.count == 1)
    #expect(text(queued.steps) == (try await bench.hash("job:\(id)")["steps"]))

    let run = try await bench.claimOne()
    let started = try await status(id)
    #expect(started.status == .started && started.createdAt == queued.createdAt && started.startedAt != nil)
    #expect(started.progress.count == 1 && started.steps == queued.steps)

    try await bench.record(run, 1) { $0.checkpoint("a", #"{"n":1e400}"#) }
    try await bench.record(run, 2) { $0.finish(done: ["a"]) }
    let finished = try await status(id)
    #expect(finished.status == .finished && finished.startedAt == started.startedAt && finished.finishedAt != nil)
    #expect(finished.steps == nil && finished.error == nil)
    #expect(
      text(finished.result)
        == #"{"run_name":"run","inputs":{"text":"a"},"outputs":{"a":{"n":1e400}},"stores":{}}"#)
    #expect(finished.progress.compactMap(text) == (try await bench.list("progress:\(id)")))
  }

  @Test func `A failed run's status says why and names its steps`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.fail(.timeout, "late 😀") }
    let failed = try await status(id)
    #expect(failed.status == .failed && failed.errorCode == "timeout" && failed.error == "late 😀")
    #expect(failed.result == nil && failed.steps != nil && failed.finishedAt != nil)
  }

  @Test func `A finished run whose log and result have expired is unknown`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.finish(done: []) }
    try await bench.send("DEL", "\(bench.prefix)progress:\(id)")
    #expect(try await status(id).result != nil)
    try await bench.send("DEL", "\(bench.prefix)result:\(id)")
    #expect(try await bench.store.status(of: id) == nil)
  }

  @Test func `Reading a status writes nothing`() async throws {
    let id = try await bench.submit()
    let before = try await bench.snapshot()
    _ = try await status(id)
    #expect(try await bench.snapshot() == before)
  }

  @Test func `Health counts the queued, the started and the workers that live`() async throws {
    #expect(try await bench.health() == [0, 0, 0])
    for _ in 0..<5 { try await bench.submit() }
    let runs = try await bench.claimRuns(3)
    try await bench.record(runs[0], 1) { $0.finish() }
    try await bench.record(runs[1], 1) { $0.end = .handedBack(asSuspect: true) }
    _ = try await bench.beat([runs[2]], worker: "v")
    _ = try await bench.beat([], worker: "w")
    try await bench.send("ZADD", bench.prefix + "workers", "1000", "dead")
    let before = try await bench.snapshot()
    #expect(try await bench.health() == [3, 1, 2])
    #expect(try await bench.snapshot() == before)
    try await bench.store.leave(worker: "w")
    #expect(try await bench.health() == [3, 1, 1])
  }

  @Test func `Redis says who it is`() async throws {
    let identity = try await bench.store.identity()
    #expect(identity.isPrimary && identity.runID.utf8.count == 40)
    #expect(try await bench.store.identity() == identity)
    let other = try Bench(on: RedisServer())
    #expect(try await other.store.identity().runID != identity.runID)
  }
}
