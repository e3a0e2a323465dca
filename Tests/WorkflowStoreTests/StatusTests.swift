import RedisFixture
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct StatusTests {
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
    #expect(queued.status == .queued && queued.facts.runName == "\"n\" 😀")
    #expect(
      queued.facts.startedAt == nil && queued.facts.finishedAt == nil && queued.facts.error == nil
        && queued.facts.errorCode == nil)
    #expect(queued.result == nil && queued.progress.count == 1)
    #expect(text(queued.steps) == (try await bench.documents(id)["steps"]))

    let run = try await bench.claimOne()
    let started = try await status(id)
    #expect(
      started.status == .started && started.facts.createdAt == queued.facts.createdAt && started.facts.startedAt != nil)
    #expect(started.progress.count == 1 && started.steps == queued.steps)

    try await bench.record(run, 1) { $0.checkpoint("a", #"{"n":1e400}"#) }
    try await bench.record(run, 2) { $0.finish(done: ["a"]) }
    let finished = try await status(id)
    #expect(
      finished.status == .finished && finished.facts.startedAt == started.facts.startedAt
        && finished.facts.finishedAt != nil)
    #expect(finished.steps == nil && finished.facts.error == nil)
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
    #expect(failed.status == .failed && failed.facts.errorCode == "timeout" && failed.facts.error == "late 😀")
    #expect(failed.result == nil && failed.steps != nil && failed.facts.finishedAt != nil)
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

  @Test func `What is known without the documents agrees with the status, and counts their bytes`() async throws {
    #expect(try await bench.store.facts(of: JobID()) == nil)
    let id = try await bench.submit()
    #expect(try await bench.store.facts(of: id)?.bytes == 41)
    let run = try await bench.claimOne()
    let outputs = #"{"text":"\#(String(repeating: "x", count: 5_000))"}"#
    try await bench.record(run, 1) { $0.checkpoint("a", outputs) }
    #expect(try await bench.store.facts(of: id)?.status == .started)
    try await bench.record(run, 2) { $0.finish(done: ["a"]) }
    let facts = try #require(try await bench.store.facts(of: id))
    let whole = try await status(id)
    #expect(facts.status == .finished && facts.finishedAt == whole.facts.finishedAt)
    #expect(facts.entries == whole.progress.count)
    let bytes = whole.progress.reduce(0) { $0 + $1.count } + (whole.result?.count ?? 0)
    #expect(facts.bytes == bytes)
  }

  /// The run if one look finds all of it.
  private func atOnce(_ id: JobID, upTo limit: Int = 4_096) async throws -> StoredRun? {
    guard case .run(let run)? = try await bench.store.overview(of: id, documentsUpTo: limit) else { return nil }
    let whole = try await status(id)
    #expect(run.facts.entries == whole.facts.entries && run.facts.bytes == whole.facts.bytes)
    #expect(run.progress == whole.progress && run.heads == whole.heads && run.first == 0)
    #expect(run.steps == whole.steps && run.result == whole.result && run.status == whole.status)
    return run
  }

  @Test func `A short run is read at once, in every state but failed`() async throws {
    #expect(try await bench.store.overview(of: JobID(), documentsUpTo: 4_096)?.facts.status == nil)
    for fails in [false, true] {
      let id = try await bench.submit()
      #expect(try await atOnce(id)?.status == .queued)
      #expect(try await atOnce(id, upTo: 0)?.status == nil)
      let run = try await bench.claimOne("\(id)")
      #expect(try await atOnce(id)?.status == .started)
      try await bench.record(run, 1) { $0.checkpoint("a", #"{"n":1e400}"#) }
      #expect(try await atOnce(id)?.progress.count == 3)
      try await bench.record(run, 2) { if fails { $0.fail() } else { $0.finish(done: ["a"]) } }
      #expect(try await atOnce(id)?.status == (fails ? nil : .finished))
      #expect(try await atOnce(id, upTo: 50)?.status == nil)
    }
  }

  @Test(arguments: [false, true])
  func `A long run is not read before its length is known`(isFinished: Bool) async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    let outputs = #"{"text":"\#(String(repeating: "x", count: 5_000))"}"#
    try await bench.record(run, 1) { $0.checkpoint("a", outputs) }
    if isFinished { try await bench.record(run, 2) { $0.finish(done: ["a"]) } }
    #expect(try await atOnce(id)?.status == nil)
    #expect(try await bench.store.overview(of: id, documentsUpTo: 4_096)?.facts.bytes ?? 0 > 5_000)
    #expect(try await atOnce(id, upTo: 16_384)?.progress.count == (isFinished ? 4 : 3))
  }

  @Test func `A status since an entry has the entries from there on, and the heads of all`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    let outputs = #"{"text":"\#(String(repeating: "x", count: 5_000))"}"#
    try await bench.record(run, 1) { record in
      for step in ["a", "b"] {
        record.begin(.stepStart(step: step, op: "note"))
        record.checkpoint(step, outputs)
      }
    }
    let whole = try await status(id)
    #expect(whole.first == 0 && whole.heads.count == whole.progress.count)
    for since in [1, 3, whole.progress.count, 9_999, .max] {
      let rest = try #require(try await bench.store.status(of: id, since: since))
      #expect(rest.progress == Array(whole.progress.dropFirst(since)))
      #expect(rest.heads == whole.heads && rest.first == min(since, whole.progress.count))
    }
    try await bench.record(run, 2) { $0.fail() }
    // The outputs of a failed run's steps are in its log.
    let failed = try #require(try await bench.store.status(of: id, since: 4))
    #expect(failed.first == 0 && failed.progress.count > whole.progress.count)
  }

  @Test(arguments: [0, 10, 30_000, 100_000])
  func `News come in portions that miss and repeat nothing`(_ size: Int) async throws {
    let id = try await bench.submit()
    var entries = try await bench.list("progress:\(id)")
    let count = size > 1_000 ? 12 : 2_500
    for number in 0..<count {
      entries.append("{\"n\":\(number),\"text\":\"\(String(repeating: "x", count: size))\"}")
    }
    // In one call: thousands of them take too long where much else runs.
    let fill = """
      local text = string.rep('x', ARGV[2])
      for n = 0, ARGV[1] - 1 do redis.call('RPUSH', KEYS[1], '{"n":' .. n .. ',"text":"' .. text .. '"}') end
      """
    try await bench.send("EVAL", fill, "1", "\(bench.prefix)progress:\(id)", "\(count)", "\(size)")
    var seen: [String] = []
    var largest = 0
    while let update = try await bench.store.update(of: id, from: seen.count) {
      #expect(update.status == .queued && !update.isLast)
      largest = max(largest, update.entries.reduce(0) { $0 + $1.count })
      seen += update.entries.compactMap(text)
      if !update.hasMore { break }
    }
    #expect(seen == entries)
    #expect(largest <= RunStore.updatePortion + 4 * (size + 100))
    let none = try await bench.store.update(of: id, from: .max)
    #expect(none?.entries == [] && none?.hasMore == false)
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
    _ = try await bench.beat([runs[2]], worker: "v", lease: .seconds(600))
    _ = try await bench.beat([], worker: "w", lease: .seconds(600))
    try await bench.send("ZADD", bench.prefix + "workers", "1000", "dead")
    let before = try await bench.snapshot()
    #expect(try await bench.health() == [3, 1, 2])
    #expect(try await bench.snapshot() == before)
    try await bench.store.deregister(worker: "w")
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
