import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

/// What has ended leaves nothing behind.
@Suite struct ExpiryTests {
  @Test(.timeLimit(.minutes(5)))
  func `100,000 finished runs expire to a keyspace without one key of theirs`() async throws {
    let bench = try Bench(on: RedisServer(), limits: RunStore.Limits(retain: 5))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<20 {
        group.addTask { for _ in 0..<50 { try await ExpiryTests.live(bench, "\(number)", runs: 100) } }
      }
      try await group.waitForAll()
    }
    var left = 2
    for _ in 0..<6_000 where left > 1 {
      left = try await bench.send("DBSIZE").int ?? 2
      try await ContinuousClock().sleep(for: .milliseconds(10))
    }
    #expect(try await bench.keys() == ["classes"])
  }

  /// Leads runs through their lives, with everything that leaves a key.
  private static func live(_ bench: Bench, _ worker: String, runs count: Int) async throws {
    for _ in 0..<count { try await bench.submit() }
    let runs = try await bench.store.claim(
      ClaimRequest(id: "\(JobID())", worker: worker, runs: count, lease: .seconds(2), classes: RunClasses(["note"]))
    ).runs
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, run) in runs.enumerated() {
        group.addTask {
          try await bench.record(run, 1) { record in
            if index % 10 == 9 { return record.fail() }
            record.store("a", 0, "store \(index % 7)", "1")
            record.checkpoint("a", "{}")
            record.checkpoint("b", "{}")
            record.finish(done: ["a", "b"], stores: [("store \(index % 7)", ["a"])])
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
