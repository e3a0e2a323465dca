import Hiredis
import Testing
import Workflow
import WorkflowStore

/// What the health answer says of the workers' looks for lapsed leases and lost runs.
@Suite(.timeLimit(.minutes(5))) struct HealthTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  /// Says when a turn of a kind was, and whether the looks for lapsed leases and for lost runs are overdue by that.
  private func overdue(_ kind: String, secondsAgo: Int) async throws -> [Bool] {
    let time = Int(try await bench.now() * 1_000) - secondsAgo * 1_000
    try await bench.send("HSET", bench.prefix + "recovery", kind, "\(time)")
    let health = try await bench.store.health()
    return [health.recoveryOverdue > 0, health.reconciliationOverdue > 0]
  }

  @Test func `From a worker's first heartbeat on, looks are overdue when there was none for a lease`() async throws {
    _ = try await bench.beat([], lease: .seconds(150))
    #expect(try await overdue("watched", secondsAgo: 50) == [false, false])
    #expect(try await overdue("watched", secondsAgo: 260) == [true, false])
    #expect(try await overdue("watched", secondsAgo: 600) == [true, true])
    #expect(try await bench.store.health().recoveryOverdue >= 600)
    #expect(try await overdue("recovered", secondsAgo: 10) == [false, true])
    #expect(try await overdue("reconciled", secondsAgo: 10) == [false, false])
  }

  @Test func `Without a worker that says when it looked nothing is overdue`() async throws {
    let health = try await bench.store.health()
    #expect(health.recoveryOverdue == 0 && health.reconciliationOverdue == 0)
  }

  @Test func `Turns say when they were, but for those that do not count`() async throws {
    _ = try await bench.store.turn(after: nil, kind: .probing)
    #expect(try await bench.hash("recovery") == [:])
    let clock = try await bench.store.turn(after: nil, kind: .watching).clock
    #expect(try await bench.hash("recovery").keys.sorted() == ["lease", "watched"])
    _ = try await bench.store.turn(after: "\((Int(clock) ?? 0) - 31_000_000)")
    #expect(try await bench.hash("recovery")["recovered"] == nil)
    _ = try await bench.store.turn(after: clock)
    #expect(try await bench.hash("recovery").keys.sorted() == ["lease", "recovered", "watched"])
  }
}
