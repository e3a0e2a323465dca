import ExactJSON
import Testing
import Workflow
import WorkflowStore

/// Placeholders that stand in for a model's words: marked in their run, counted for all.
@Suite(.timeLimit(.minutes(5))) struct FallbackTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func fallBack(_ steps: String..., in record: inout CheckpointBatch) {
    for step in steps {
      record.log(.modelFallback(step: step, StepFailure(.providerRejected, "no"), usage: .null))
      record.checkpoint(step, "{}")
    }
  }

  @Test func `A run with a placeholder is degraded for good, and each one counts once`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.checkpoint("z", "{}") }
    #expect(try await bench.store.facts(of: id)?.isDegraded == false)
    #expect(try await bench.store.fallbacksOfLastHour() == 0)
    for _ in 1...2 { try await bench.record(run, 2) { fallBack("a", "b", in: &$0) } }
    #expect(try await bench.store.facts(of: id)?.isDegraded == true)
    #expect(try await bench.store.fallbacksOfLastHour() == 2)
    try await bench.record(run, 3) { $0.finish(done: ["z", "a", "b"], stores: []) }
    #expect(try await bench.store.status(of: id)?.facts.isDegraded == true)
    #expect(try await bench.store.fallbacksOfLastHour() == 2)
    #expect(try await bench.ttl("fallbacks") ?? 0 > 3_000)
  }

  @Test func `What is older than an hour does not count, whatever minute of the hour it was`() async throws {
    let minute = Int(try await bench.now()) / 60
    for age in 60..<120 {
      let old = minute - age
      try await bench.send("HSET", bench.prefix + "fallbacks", "\(old % 60)", "\(old):7")
    }
    #expect(try await bench.store.fallbacksOfLastHour() == 0)
    try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { fallBack("a", in: &$0) }
    #expect(try await bench.store.fallbacksOfLastHour() == 1)
    #expect(try await bench.hash("fallbacks").count == 60)
  }

  @Test func `A key of another type in the place of the count keeps nobody from recording`() async throws {
    try await bench.send("SET", bench.prefix + "fallbacks", "x")
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    #expect(try await bench.record(run, 1) { fallBack("a", in: &$0) } == .recorded)
    #expect(try await bench.store.facts(of: id)?.isDegraded == true)
    #expect(try await bench.store.fallbacksOfLastHour() == 0)
  }
}
