import ExactJSON
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct RecordTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  @Test func `A record appends its entries in order and keeps the outputs of its steps`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    let answer = try await bench.record(run, 1) { record in
      record.log(.stepStart(step: "a", op: "note"))
      record.log(.modelFallback(step: "a", StepFailure(.timeout, "late"), usage: .null))
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
        #"{"msg":"step_done","step":"b","outputs_omitted":true,"outputs_bytes":12}"#,
      ])
    let documents = try await bench.documents(id)
    #expect(documents["out:a"] == #"{"n":1e400,"s":"\u0000"}"# && documents["out:b"] == #"{"big":true}"#)
    #expect(documents.count == 4)
    let job = try await bench.state(id)
    #expect(job["status"] == "started" && job["seq"] == "1" && job["begun"] == "1")
    #expect(try await bench.leaseEnd(id) != nil)
    #expect(try await bench.ttl("progress:\(id)") == -1)
  }

  @Test func `A record that begins no step leaves no sign of one under way`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.log(.stepStart(step: "a", op: "note")) }
    #expect(try await bench.state(id)["begun"] == "0")
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
    var record = bench.record(after: run)
    record.log(.stepStart(step: "a", op: "note"))
    record.checkpoint("a", "{}")
    try await second()
    let later = try await bench.now()
    #expect(try await bench.write(record, run, 1) == .recorded)
    for time in try await bench.times(id).suffix(2) { #expect(Double(time) / 1_000_000 < later) }
    #expect(try await bench.record(run, 2) { $0.log(.stepStart(step: "b", op: "note")) } == .recorded)
    #expect(Double(try #require(try await bench.times(id).last)) / 1_000_000 > later - 0.5)
  }

  @Test func `No entry's time is below the entry before`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    // A clock that has not been told the time shows 1970.
    var record = CheckpointBatch(beginning: run, clock: RedisClock())
    record.log(.stepStart(step: "a", op: "note"))
    record.checkpoint("a", "{}")
    #expect(try await bench.write(record, run, 1) == .recorded)
    let times = try await bench.times(id)
    #expect(times.count == 4 && times[0] <= times[1] && times[2] == times[1] && times[3] == times[1])
    #expect(try await bench.state(id)["last_ts"]?.filter { $0 != "." } == "\(times[1])")
  }

  @Test func `A clock that went back does not take the log with it`() async throws {
    let id = try await bench.submit()
    try await bench.send("HSET", "\(bench.prefix)job:\(id)", "again", "1 0 0 5000000000.000001 41")
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
    #expect(try await bench.documents(id).count == 2 + 3 * 1_000)
    #expect(try await bench.list("store:n299").count == 3)

    try await bench.record(run, 2) { $0.finish(done: steps, stores: [("all", steps)]) }
    #expect(try await bench.documents(id).isEmpty)
    let result = try #require(try await bench.text("result:\(id)"))
    let all = (0..<1_000).map(String.init).joined(separator: ",")
    #expect(result.hasSuffix("\"s999\":{\"n\":999}},\"stores\":{\"all\":[\(all)]}}"))
  }

  @Test func `Whoever watches a run hears of every change`() async throws {
    let id = JobID()
    let events = try await Channel(Keys(prefix: bench.prefix).eventsChannel(id), of: bench.server)
    try await bench.submit(id)
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.log(.stepStart(step: "a", op: "note")) }
    #expect(await events.next() == "")
    try await bench.record(run, 2) { $0.finish() }
    #expect(await events.next() == "finished")
  }
}
