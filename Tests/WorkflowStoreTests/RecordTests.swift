import Hiredis
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(1))) struct RecordTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  @Test func `A record appends its entries in order and keeps the outputs of its steps`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    let answer = try await bench.record(run, 1) { record in
      record.log(.stepStart(step: "a", op: "note"))
      record.log(.modelFallback(step: "a", StepFailure(.timeout, "late")))
      record.checkpoint("a", #"{"n":1e400,"s":"\u0000"}"#)
      record.begin(.stepStart(step: "b", op: "note"))
      record.checkpoint("b", #"{"big":true}"#, inLog: false)
    }
    #expect(answer == .recorded)
    #expect(
      try await bench.log(id) == [
        #"{"msg":"enqueued"}"#, #"{"msg":"started","run":"run"}"#, #"{"msg":"step_start","step":"a","op":"note"}"#,
        #"{"msg":"llm_fallback","step":"a","error_code":"timeout","error":"late"}"#,
        #"{"msg":"step_done","step":"a","outputs":{"n":1e400,"s":"\u0000"}}"#,
        #"{"msg":"step_start","step":"b","op":"note"}"#,
        #"{"msg":"step_done","step":"b","outputs_omitted":true}"#,
      ])
    let documents = try await bench.hash("run:\(id)")
    #expect(documents["out:a"] == #"{"n":1e400,"s":"\u0000"}"# && documents["out:b"] == #"{"big":true}"#)
    #expect(documents.count == 5)
    let job = try await bench.hash("job:\(id)")
    #expect(job["status"] == "started" && job["seq"] == "1" && job["begun"] == "1")
    #expect(try await bench.leaseEnd(id) != nil)
    #expect(try await bench.ttl("progress:\(id)") == -1)
  }

  @Test func `A record that begins no step leaves no sign of one under way`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.log(.stepStart(step: "a", op: "note")) }
    #expect(try await bench.hash("job:\(id)")["begun"] == "0")
  }

  /// Waits until Redis's clock has moved on by a second.
  private func second() async throws {
    let expired = try await Channel("__keyevent@0__:expired", of: bench.server)
    try await bench.send("SET", bench.prefix + "second", "", "PX", "1000")
    await expired.all(of: [bench.prefix + "second"])
  }

  @Test func `An entry's time is when it happened, not when it was written`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    var record = RunRecord()
    record.log(.stepStart(step: "a", op: "note"))
    record.checkpoint("a", "{}")
    try await second()
    let later = try await bench.now()
    #expect(try await bench.store.record(record, of: id, token: run.token, sequence: 1) == .recorded)
    for time in try await bench.times(id).suffix(2) { #expect(Double(time) / 1_000_000 < later) }
    #expect(try await bench.record(run, 2) { $0.log(.stepStart(step: "b", op: "note")) } == .recorded)
    #expect(Double(try #require(try await bench.times(id).last)) / 1_000_000 > later - 0.5)
  }

  @Test func `No entry's time is below the entry before`() async throws {
    var record = RunRecord()
    record.log(.stepStart(step: "a", op: "note"))
    record.checkpoint("a", "{}")
    try await second()
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    #expect(try await bench.store.record(record, of: id, token: run.token, sequence: 1) == .recorded)
    let times = try await bench.times(id)
    #expect(times.count == 4 && times[0] <= times[1] && times[2] == times[1] && times[3] == times[1])
    #expect(try await bench.hash("job:\(id)")["last_ts"]?.filter { $0 != "." } == "\(times[1])")
  }

  @Test func `A clock that went back does not take the log with it`() async throws {
    let id = try await bench.submit()
    try await bench.send("HSET", "\(bench.prefix)job:\(id)", "last_ts", "5000000000.000001")
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.log(.stepStart(step: "a", op: "note")) }
    try await bench.record(run, 2) { $0.fail() }
    let times = try await bench.times(id)
    #expect(times.count == 4 && times.dropFirst().allSatisfy { $0 == 5_000_000_000_000_001 })
    #expect(try await bench.hash("job:\(id)")["finished_ts"] == "5000000000.000001")
  }

  @Test func `A record of thousands of entries and checkpoints is written whole`() async throws {
    let steps = (0..<1_000).map { "s\($0)" }
    let id = try await bench.submit(steps: steps)
    let run = try await bench.claimOne("1")
    let stores = steps.enumerated()
    let answer = try await bench.record(run, 1) { record in
      for (order, step) in stores {
        for _ in 0..<9 { record.log(.stepStart(step: step, op: "note")) }
        record.store(step, order, "n\(order % 300)", "\(order)")
        record.checkpoint(step, "{\"n\":\(order)}")
      }
    }
    #expect(answer == .recorded)
    let log = try await bench.log(id)
    #expect(log.count == 10_002)
    #expect(log[11] == #"{"msg":"step_done","step":"s0","outputs":{"n":0}}"#)
    #expect(log[10_001] == #"{"msg":"step_done","step":"s999","outputs":{"n":999}}"#)
    #expect(try await bench.hash("run:\(id)").count == 3 + 3 * 1_000)
    #expect(try await bench.list("store:n299").count == 3)

    try await bench.record(run, 2) { $0.finish(done: steps, stores: [("all", steps)]) }
    #expect(try await bench.hash("run:\(id)").count == 2)
    let result = try #require(try await bench.text("result:\(id)"))
    let all = (0..<1_000).map(String.init).joined(separator: ",")
    #expect(result.hasSuffix("\"s999\":{\"n\":999}},\"stores\":{\"all\":[\(all)]}}"))
  }

  // MARK: Stores

  @Test func `A store gets what a step stored, with the run and the step it came from`() async throws {
    let limits = RunStore.Limits(retain: 1_000, storeItems: 10)
    let bench = try Bench(limits: limits)
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { record in
      record.store("a", 0, "x", #"{"n":12345678901234567890}"#)
      record.checkpoint("a", "{}")
      record.store("b", 1, "y", "null")
      record.store("c", 2, "x", #""\u0000""#)
    }
    #expect(
      try await bench.list("store:x") == [
        "{\"job_id\":\"\(id)\",\"step\":\"a\",\"data\":{\"n\":12345678901234567890}}",
        "{\"job_id\":\"\(id)\",\"step\":\"c\",\"data\":\"\\u0000\"}",
      ])
    #expect(try await bench.list("store:y") == ["{\"job_id\":\"\(id)\",\"step\":\"b\",\"data\":null}"])
    let documents = try await bench.hash("run:\(id)")
    #expect(documents["stored:a"] == #"{"n":12345678901234567890}"# && documents["place:a"] == #"0,"x""#)
    #expect(documents["place:c"] == #"2,"x""#)
    #expect(try #require(try await bench.ttl("store:x")) > 990)
  }

  @Test func `A store keeps the newest, and lives on from its last append`() async throws {
    let bench = try Bench(limits: RunStore.Limits(retain: 1_000, storeItems: 3))
    try await bench.submit()
    let run = try await bench.claimOne()
    func data() async throws -> [String] {
      try await bench.list("store:x").map { String($0.suffix(2).dropLast()) }
    }
    try await bench.record(run, 1) { record in
      for order in 0..<5 { record.store("s\(order)", order, "x", "\(order)") }
    }
    #expect(try await data() == ["2", "3", "4"])
    try await bench.send("EXPIRE", bench.prefix + "store:x", "5")
    try await bench.record(run, 2) { $0.store("s5", 5, "x", "5") }
    #expect(try await data() == ["3", "4", "5"])
    #expect(try #require(try await bench.ttl("store:x")) > 990)
  }

  @Test func `Namespaces are told apart by their bytes`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { record in
      record.store("a", 0, "\u{e9}", "1")
      record.store("b", 1, "e\u{301}", "2")
      record.store("c", 2, "\u{e9}", "3")
    }
    #expect(try await bench.list("store:\u{e9}").count == 2)
    #expect(try await bench.list("store:e\u{301}").count == 1)
  }

  @Test func `A store that is no list is refused, and nothing is half written`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.send("SET", bench.prefix + "store:text", "mine")
    let before = try await bench.snapshot()
    let answer = try await bench.record(run, 1) { record in
      record.store("a", 0, "list", "1")
      record.checkpoint("a", "{}")
      record.store("b", 1, "text", "2")
      record.checkpoint("b", "{}")
    }
    #expect(answer == .refused("\(bench.prefix)store:text is a string, not a list"))
    #expect(try await bench.snapshot() == before)
    #expect(try await bench.record(run, 1) { $0.fail() } == .recorded)
    #expect(try await bench.hash("job:\(id)")["status"] == "failed")
    #expect(try await bench.text("store:text") == "mine")
  }

  // MARK: Fencing

  /// Sends a record that writes all that there is to write.
  private func everything(_ run: ClaimedRun, _ sequence: Int, token: String? = nil) async throws -> RecordAnswer {
    var record = RunRecord()
    record.begin(.stepStart(step: "a", op: "note"))
    record.store("a", 0, "x", "1")
    record.checkpoint("a", "{}")
    return try await bench.store.record(record, of: run.id, token: token ?? run.token, sequence: sequence)
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

  @Test func `A sequence number out of turn is lost`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    let fresh = try await bench.snapshot()
    #expect(try await everything(run, 2) == .lost("out of sequence"))
    #expect(try await bench.snapshot() == fresh)
    #expect(try await everything(run, 1) == .recorded)
    try await bench.record(run, 2) { $0.log(.stepStart(step: "b", op: "note")) }
    let before = try await bench.snapshot()
    #expect(try await everything(run, 1) == .lost("out of sequence"))
    #expect(try await everything(run, 4) == .lost("out of sequence"))
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

  @Test func `Whoever watches a run hears of every change`() async throws {
    let id = JobID()
    let events = try await Channel(Keys(prefix: bench.prefix).eventsChannel(id), of: bench.server)
    try await bench.submit(id)
    let run = try await bench.claimOne()
    #expect(await events.next() == "")
    try await bench.record(run, 1) { $0.log(.stepStart(step: "a", op: "note")) }
    #expect(await events.next() == "")
    try await bench.record(run, 2) { $0.finish() }
    #expect(await events.next() == "finished")
  }
}
