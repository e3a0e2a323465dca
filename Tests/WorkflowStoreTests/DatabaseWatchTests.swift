import Hiredis
import Logging
import RedisFixture
import Testing
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct DatabaseWatchTests {
  /// Looks until the warnings are so.
  private func expect(_ watch: DatabaseWatch, _ bench: Bench, _ isRight: ([String]) -> Bool) async throws {
    while !isRight(watch.warnings) {
      try Task.checkCancellation()
      try await bench.send("PING")
    }
  }

  @Test func `A policy that discards keys is a warning for as long as it is set`() async throws {
    let bench = try Bench(on: RedisServer())
    let watch = DatabaseWatch(Partitions(bench.store), logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await watch.run() }
      while try await bench.text("database") == nil {}
      #expect(watch.warnings == [])
      for (policy, word) in [("allkeys-lru", "accepted runs"), ("volatile-ttl", "idempotency keys")] {
        try await bench.send("CONFIG", "SET", "maxmemory-policy", policy)
        try await expect(watch, bench) { $0.count == 1 && $0[0].contains(policy) && $0[0].contains(word) }
      }
      try await bench.send("CONFIG", "SET", "maxmemory-policy", "noeviction")
      try await expect(watch, bench) { $0 == [] }
      group.cancelAll()
    }
  }

  @Test func `A database of another number of partitions is a warning, and gets no id`() async throws {
    let bench = try Bench(on: RedisServer())
    try await bench.send("SET", "wf:partitions", "4")
    let watch = DatabaseWatch(Partitions(bench.store), logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await watch.run() }
      try await expect(watch, bench) { $0.count == 1 && $0[0].contains("have 4 partitions") }
      #expect(try await bench.text("database") == nil)
      group.cancelAll()
    }
  }

  @Test func `A database that is emptied while the process runs is a warning from then on`() async throws {
    let bench = try Bench(on: RedisServer())
    let watch = DatabaseWatch(Partitions(bench.store), logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await watch.run() }
      while try await bench.text("database") == nil {}
      // A second process that starts now finds the same id and nothing to warn of.
      let second = DatabaseWatch(Partitions(bench.store), logger: .silent)
      group.addTask { await second.run() }
      let before = try await bench.text("database")
      try await bench.send("FLUSHDB")
      try await expect(watch, bench) { $0.count == 1 && $0[0].contains("emptied") }
      #expect(try await bench.text("database") != before)
      group.cancelAll()
    }
  }
}
