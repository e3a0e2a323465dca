import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct OutOfMemoryTests {
  private let bench: Bench

  init() throws { bench = try Bench(on: RedisServer()) }

  private func fill() async throws {
    try await bench.send("CONFIG", "SET", "maxmemory-policy", "noeviction")
    try await bench.send("CONFIG", "SET", "maxmemory", "1000")
    await #expect(throws: RedisError.self) { try await bench.send("SET", "any", "value") }
  }

  @Test func `A full Redis takes no new run, and says that it took none`() async throws {
    try await bench.submit()
    try await fill()
    let before = try await bench.snapshot()
    let submission = Submission.sample(idempotencyKey: "k")
    let error = await #expect(throws: StoreError.self) { try await bench.store.submit(submission) }
    guard case .refused(cause: "OOM", let reason, outcomeUnknown: false) = error else {
      Issue.record("the error is \(String(describing: error))")
      return
    }
    #expect(reason.hasPrefix("OOM") && error?.isTransient == true && error?.isAnswer == true)
    #expect(try await bench.snapshot() == before)

    try await bench.send("CONFIG", "SET", "maxmemory", "0")
    #expect(try await bench.store.submit(submission) == .accepted(submission.id))
  }

  @Test func `A full Redis lets the runs that it holds go on to their end`() async throws {
    for _ in 0..<4 { try await bench.submit() }
    let runs = try await bench.claimRuns(3, id: "1")
    try await bench.lapse(runs[2].id)
    try await fill()
    #expect(try await bench.record(runs[0], 1) { $0.checkpoint("a", #"{"n":1}"#) } == .recorded)
    let answer = try await bench.record(runs[0], 2) { record in
      record.store("b", 0, "x", "1")
      record.checkpoint("b", "{}")
      record.finish(done: ["a", "b"], stores: [("x", ["b"])])
    }
    #expect(answer == .recorded)
    #expect(try await bench.record(runs[1], 1) { $0.end = .handedBack(asSuspect: false) } == .recorded)
    #expect(try await bench.beat([runs[0], runs[1]]) == [])
    #expect(try await bench.store.recover().map(\.id) == [runs[2].id])
    #expect(try await bench.claim(10, id: "2").runs.count == 3)
    #expect(try await bench.store.status(of: runs[0].id)?.status == .finished)
    #expect(try await bench.text("result:\(runs[0].id)")?.contains(#""a":{"n":1}"#) == true)
    // A Redis that takes no submission is not healthy.
    await #expect(throws: StoreError.self) { try await bench.health() }
    #expect(try await bench.beat([runs[2]]) == [runs[2].id])
  }
}
