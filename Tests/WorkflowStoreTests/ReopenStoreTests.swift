import Hiredis
import Testing
import Workflow

@testable import WorkflowStore

/// Runs that are opened again, and what the claims before them have left.
@Suite(.timeLimit(.minutes(5))) struct ReopenStoreTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  @Test func `A run that was cancelled in its first claim leaves nothing but its result when it finishes`() async throws
  {
    let id = try await bench.submit()
    let first = try await bench.claimOne()
    try await bench.record(first, 1) { $0.checkpoint("a", #"{"n":1}"#) }
    #expect(try await bench.store.control(.cancel, [id]) == [.done(.cancelled)])
    #expect(try await bench.store.reopen(id, .failed, requestID: "r") == .queued(generation: 1))
    let second = try await bench.claimOne("claim2")
    #expect(second.token.hasPrefix("2-"))
    let outcome = try await bench.record(second, 1) { record in
      record.checkpoint("b", #"{"n":2}"#)
      record.finish(done: ["a", "b"])
    }
    #expect(outcome == .recorded)
    #expect(try await bench.text("result:\(id)")?.contains(#""outputs":{"a":{"n":1},"b":{"n":2}}"#) == true)
    #expect(try await bench.keys().contains("outputs:\(id)") == false)
  }

  @Test func `However many ask for it at once, a run is opened again once, with all that it keeps`() async throws {
    let steps = (0..<12).map { "s\($0)" }
    for number in 0..<10 {
      let id = try await bench.submit(steps: steps)
      let run = try await bench.claimOne("w/\(number)")
      try await bench.record(run, 1) { record in
        for step in steps { record.checkpoint(step, #"{"n":1}"#) }
        record.finish(done: steps)
      }
      let outcomes = try await withThrowingTaskGroup(of: ReopenOutcome.self) { group in
        for late in 0..<12 {
          group.addTask { [bench] in
            // Each begins while those before are under way.
            for _ in 0..<2 * late { try await bench.send("PING") }
            return try await bench.store.reopen(id, .from("s11"), requestID: "r")
          }
        }
        return try await group.reduce(into: [ReopenOutcome]()) { $0.append($1) }
      }
      #expect(outcomes.count { $0 == .queued(generation: 1) } == 1)
      #expect(
        outcomes.allSatisfy { $0 == .queued(generation: 1) || $0 == .live(.queued, generation: 1) }, "\(outcomes)")
      #expect(try await bench.hash("outputs:\(id)").keys.sorted() == steps.dropLast().map { "out:" + $0 }.sorted())
      _ = try await bench.store.control(.cancel, [id])
    }
  }

  @Test(arguments: [ControlVerb.cancel, nil])
  func `A run that ends while it is paused is paused no more`(_ verb: ControlVerb?) async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    #expect(try await bench.store.control(.pause, [id]) == [.done(.started)])
    #expect(try await bench.hash("paused") == [id.description: "1"])
    if let verb {
      #expect(try await bench.store.control(verb, [id]) == [.done(.cancelled)])
    } else {
      #expect(try await bench.record(run, 1) { $0.finish() } == .recorded)
    }
    #expect(try await bench.hash("paused").isEmpty)
    #expect(try await bench.hash("job:\(id)")["paused"] == nil)
  }

  @Test func `A run that its worker has ended, and claimed again without an answer, returns to its queue`() async throws
  {
    let id = try await bench.submit()
    let first = try await bench.claimRuns(1, id: "w/1")[0]
    try await bench.record(first, 1) { $0.fail() }
    #expect(try await bench.store.reopen(id, .from("a"), requestID: "r") == .queued(generation: 1))
    _ = try await bench.claimRuns(1, id: "w/2")
    let ended = [HeldRun(id: id, token: first.token)]
    #expect(try await bench.beat([], ended: ended, settledClaim: 2).returned == [id])
    #expect(try await bench.list(Bench.queue) == [id.description])
  }

  @Test func `A run that was cancelled in a long queue has one entry there when it is queued again`() async throws {
    for _ in 0..<1_001 { try await bench.send("RPUSH", bench.prefix + Bench.queue, "\(JobID())") }
    let id = try await bench.submit()
    #expect(try await bench.store.control(.cancel, [id]) == [.done(.cancelled)])
    #expect(try await bench.list(Bench.queue).contains(id.description))
    #expect(try await bench.store.reopen(id, .failed, requestID: "r") == .queued(generation: 1))
    #expect(try await bench.list(Bench.queue).count { $0 == id.description } == 1)
  }

  @Test func `A request that is sent again opens no second generation, though the run has ended`() async throws {
    let id = try await bench.submit()
    for (number, request, outcome) in [
      (1, "one", ReopenOutcome.queued(generation: 1)), (2, "one", .live(.failed, generation: 1)),
      (2, "two", .queued(generation: 2)),
    ] {
      if try await bench.hash("job:\(id)")["status"] == "queued" {
        try await bench.record(try await bench.claimOne("w/\(number)"), 1) { $0.fail() }
      }
      #expect(try await bench.store.reopen(id, .from("a"), requestID: request) == outcome)
    }
  }

  @Test func `Documents that were laid down and lost in part open nothing, and the same request may be sent again`()
    async throws
  {
    let id = try await bench.submit(steps: ["a", "b"])
    try await bench.record(try await bench.claimOne(), 1) { record in
      for step in ["a", "b"] { record.checkpoint(step, #"{"n":1}"#) }
      record.finish(done: ["a", "b"])
    }
    // A replica that was promoted has one field of two, or one byte too few.
    let wish = JobID()
    try await bench.send("HSET", bench.prefix + "reopen:\(id):\(wish)", "out:a", "{}")
    try await bench.send("SET", bench.prefix + "reopen_docs:\(id):\(wish)", "12345")
    for facts in ["2 5", "1 6"] {
      var arguments = RedisArguments()
      let about = "\(Bench.noteClass) 00000005 r - 1"
      for word in [
        bench.prefix, id.description, "finished 0", about, "0", "0", "\(wish) \(facts)", "600", "b", "0",
      ] { arguments.append(word) }
      let keys = bench.store.keys
      let reply = try await bench.store.evaluateSafely(
        Scripts.reopen, [keys.live, keys.deadlines, keys.dead], arguments)
      #expect(reply.array?.compactMap(\.string) == ["lost"])
    }
    #expect(try await bench.hash("job:\(id)")["status"] == "finished")
    #expect(try await bench.store.reopen(id, .from("b"), requestID: "r") == .queued(generation: 1))
  }
}
