import Hiredis
import Testing
import Workflow
import WorkflowStore

/// Runs that a wf of format 1 left in Redis, in every state.
@Suite(.timeLimit(.minutes(5))) struct UpgradeTests {
  private let bench: Bench
  private static let steps =
    #"[{"id":"a","op":"note","needs":[],"params":{}},{"id":"b","op":"note","needs":["a"],"params":{}}]"#
  private static let created = "1732387200.123456"

  init() throws { bench = try Bench(limits: RunStore.Limits(retain: 1_000)) }

  /// A run as format 1 kept it.
  private func former(_ status: String, _ facts: [String] = [], log: [String] = []) async throws -> JobID {
    let id = JobID()
    var command: RedisArguments = ["HSET"]
    let job = ["status", status, "run_name", "old", "created_ts", Self.created, "last_ts", Self.created, "format", "1"]
    let documents = ["request_id", "r", "steps", Self.steps, "inputs", #"{"text":"a"}"#, "bytes", "0"]
    for word in [bench.prefix + "job:\(id)"] + job + documents + facts { command.append(word) }
    _ = try await bench.send(command)
    var entries: RedisArguments = ["RPUSH"]
    entries.append(bench.prefix + "progress:\(id)")
    for entry in ["{\"ts\":\(Self.created),\"msg\":\"enqueued\"}"] + log { entries.append(entry) }
    _ = try await bench.send(entries)
    if ["queued", "started"].contains(status) { try await bench.send("ZADD", bench.prefix + "live", "1", "\(id)") }
    return id
  }

  private func queue(_ ids: [JobID], in list: String) async throws {
    for id in ids { try await bench.send("RPUSH", bench.prefix + list, id.description) }
  }

  private let recorded = [
    "out:a", #"{"n":1e400}"#, "stored:a", "7", "place:a", #"0,"x""#, "claims", "1", "crashes", "0", "seq", "2",
    "token", "", "log_bytes", "99", "started_ts", created, "silent", "0",
  ]

  @Test func `Queued runs are moved in their order, with what is recorded of them`() async throws {
    let fresh = [try await former("queued"), try await former("queued")]
    let resumed = try await former("queued", recorded)
    try await queue(fresh + [resumed], in: "queue:1")
    let newer = try await bench.submit()
    #expect(try await bench.health() == [4, 0, 0])
    #expect(try await bench.store.upgrade() == 3)
    #expect(try await bench.list(Bench.queue) == (fresh + [resumed, newer]).map(\.description))
    #expect(try await bench.type("queue:1") == "none")
    #expect(try await bench.hash("job:\(fresh[0])").count == 5)
    #expect(try await bench.reconcile() == [])

    let runs = try await bench.claim(10).runs
    #expect(runs.map(\.id) == fresh + [resumed, newer] && runs[0].token == "1-claim" && runs[0].requestID == "r")
    #expect(runs[0].opening == .started(run: "old") && runs[0].definition.steps.map(\.id) == ["a", "b"])
    #expect(runs[2].token == "2-claim" && runs[2].recorded.keys.sorted() == ["a"])
    #expect(runs[2].stored.map(\.namespace) == ["x"] && runs[2].logBytes == 99)
    try await bench.record(runs[2], 1) { record in
      record.checkpoint("b", "{}")
      record.finish(name: "old", done: ["a", "b"], stores: [("x", ["a"])])
    }
    #expect(
      try await bench.text("result:\(resumed)")
        == #"{"run_name":"old","inputs":{"text":"a"},"outputs":{"a":{"n":1e400},"b":{}},"stores":{"x":[7]}}"#)
    #expect(try await bench.store.upgrade() == 0)
  }

  @Test func `A suspect stays one, and a run that a worker of format 1 put back is found`() async throws {
    let suspect = try await former("queued", ["claims", "2", "crashes", "2", "token", ""])
    try await queue([suspect], in: "suspects:1")
    let id = try await bench.submit()
    try await bench.send("DEL", bench.prefix + Bench.queue)
    try await queue([id], in: "queue:2")
    #expect(try await bench.store.upgrade() == 2)
    #expect(try await bench.list(Bench.suspects) == [suspect.description])
    #expect(try await bench.list(Bench.queue) == [id.description])
    let run = try await bench.claimOne()
    #expect(run.id == suspect && run.isSuspect)
    try await bench.record(run, 1) { $0.begin(.stepStart(step: "a", op: "note")) }
    try await bench.lapse(suspect)
    #expect(try await bench.store.recover().map(\.recovery) == [.failed])
  }

  @Test func `A newer run that a worker of format 1 took from a dead one keeps what is recorded of it, and its crash`()
    async throws
  {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { batch in
      batch.checkpoint("a", "{}")
      batch.begin(.stepStart(step: "b", op: "note"))
    }
    // What its recover.lua does: it knows leases, and a token in the job.
    try await bench.send("HSET", bench.prefix + "job:\(id)", "status", "queued", "token", "", "crashes", "0")
    try await bench.send("ZREM", bench.prefix + "leases", "\(id)")
    try await queue([id], in: "queue:2")
    #expect(try await bench.store.upgrade() == 1)
    #expect(try await bench.send("HGET", bench.prefix + "holds", "\(id)").isNull)
    let again = try #require(try await bench.send("HGET", bench.prefix + "job:\(id)", "again").string)
    #expect(again.hasPrefix("1 1 0 "))
    let next = try await bench.claimOne("claim2")
    #expect(next.recorded.keys.contains("a") && next.token.hasPrefix("2-"))
    #expect(try await bench.reconcile() == [])
  }

  @Test func `A started run stays its worker's, and is moved when its lease lapses`() async throws {
    let token = "1-old/1"
    let id = try await former(
      "started", ["token", token, "claims", "1", "seq", "1", "begun", "1", "started_ts", Self.created])
    let end = Int(try await bench.now() * 1_000) + 15_000
    try await bench.send("ZADD", bench.prefix + "leases", "\(end)", id.description)
    let before = try await bench.snapshot()
    #expect(try await bench.store.upgrade() == 0)
    #expect(try await bench.store.recover().isEmpty)
    #expect(try await bench.reconcile() == [])
    #expect(try await bench.snapshot() == before)
    try await bench.lapse(id)
    #expect(try await bench.store.recover().map(\.recovery) == [.requeued])
    #expect(try await bench.list("queue:1") == [id.description])
    #expect(try await bench.store.upgrade() == 1)
    #expect(try await bench.state(id)["crashes"] == "1")
    #expect(try await bench.claimOne().token == "2-claim")
  }

  @Test func `A started run whose crashes are too many fails as it is`() async throws {
    let id = try await former("started", ["token", "3-old/1", "claims", "3", "crashes", "2", "seq", "1", "begun", "1"])
    try await bench.send("ZADD", bench.prefix + "leases", "1", id.description)
    #expect(try await bench.store.recover().map(\.recovery) == [.failed])
    let status = try #require(try await bench.store.status(of: id))
    #expect(status.status == .failed && status.steps.map { String(decoding: $0, as: UTF8.self) } == Self.steps)
    #expect(try await bench.store.deadLetters(limit: 1).map(\.id) == [id])
  }

  @Test func `Ended runs are read as they are`() async throws {
    let done = #"{"ts":1732387201.000000,"msg":"step_done","step":"a","outputs_omitted":true,"outputs_bytes":11}"#
    let ended = ["finished_ts", Self.created, "error_code", "timeout", "error", "late", "document_bytes", "500"]
    let failed = try await former("failed", recorded + ended, log: [done])
    let status = try #require(try await bench.store.status(of: failed))
    #expect(status.outputs.mapValues { String(decoding: $0, as: UTF8.self) } == ["a": #"{"n":1e400}"#])
    #expect(status.steps.map { String(decoding: $0, as: UTF8.self) } == Self.steps && status.facts.bytes == 500)
    let finished = try await former("finished", ["finished_ts", Self.created])
    try await bench.send("SET", bench.prefix + "result:\(finished)", #"{"run_name":"old"}"#)
    #expect(
      try await bench.store.status(of: finished)?.result.map { String(decoding: $0, as: UTF8.self) }
        == #"{"run_name":"old"}"#)
    let before = try await bench.snapshot()
    #expect(try await bench.store.upgrade() == 0)
    #expect(try await bench.snapshot() == before)
  }

  @Test func `An entry that is no run, or a run in pieces, holds up no other`() async throws {
    let broken = try await former("queued")
    try await bench.send("DEL", bench.prefix + "job:\(broken)")
    try await bench.send("SET", bench.prefix + "job:\(broken)", "mine")
    let unreadable = try await former("queued", ["steps", "[{"])
    let whole = try await former("queued")
    try await queue([broken, unreadable, whole], in: "queue:1")
    try await bench.send("RPUSH", bench.prefix + "queue:1", "nonsense")
    #expect(try await bench.store.upgrade() == 2)
    #expect(try await bench.type("queue:1") == "none")
    let claim = try await bench.claim(10)
    #expect(claim.runs.map(\.id) == [whole] && claim.unreadable.map(\.run.id) == [unreadable])
  }
}
