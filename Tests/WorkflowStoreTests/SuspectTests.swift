import Hiredis
import Testing
import Workflow
import WorkflowStore

/// A run whose next crash would end it is alone with its worker.
@Suite(.timeLimit(.minutes(5))) struct SuspectTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  /// Runs whose next crash would end them, the one that is to be taken first ahead.
  private func suspects(_ count: Int) async throws -> [JobID] {
    for _ in 0..<count { try await bench.submit() }
    for crash in 1...2 {
      for run in try await bench.claimRuns(count, id: "\(JobID())") {
        try await bench.record(run, 1) { $0.begin(.stepStart(step: "a", op: "note")) }
        try await bench.lapse(run.id)
      }
      #expect(try await bench.store.recover().count == count, "crash \(crash)")
    }
    return try await bench.list(Bench.suspects).compactMap { JobID($0) }
  }

  @Test func `A worker that holds no run takes one suspect, and nothing beside it`() async throws {
    let suspects = try await suspects(2)
    try await bench.submit()
    #expect(try await bench.claim(0, id: "1").runs.isEmpty)
    let claim = try await bench.claim(10, id: "2")
    #expect(claim.runs.map(\.id) == [suspects[0]])
    #expect(claim.runs.map(\.isSuspect) == [true] && !claim.isElected)
    #expect(try await bench.claim(10, id: "2").runs.map(\.isSuspect) == [true])
  }

  @Test func `A worker that holds runs is elected to become empty for a suspect, and no other is`() async throws {
    let suspects = try await suspects(1)
    let ids = [try await bench.submit(), try await bench.submit()]
    let elected = try await bench.claim(10, id: "1", worker: "busy", held: 1)
    #expect(elected.isElected && elected.runs.isEmpty)
    #expect(try await bench.claim(1, id: "1", worker: "other", held: 1).runs.map(\.id) == [ids[0]])
    #expect(try await bench.claim(1, id: "2", worker: "other").runs.map(\.id) == [ids[1]])
    #expect(try await bench.claim(10, id: "2", worker: "busy", held: 1).isElected)
    #expect(try await bench.claim(10, id: "3", worker: "busy").runs.map(\.id) == suspects)
    #expect(try await bench.type("elected") == "none")
  }

  @Test func `Other runs have their turn after a suspect, and without any the next suspect comes`() async throws {
    let suspects = try await suspects(3)
    let id = try await bench.submit()
    #expect(try await bench.claim(10, id: "1").runs.map(\.id) == [suspects[0]])
    let turn = try await bench.claim(10, id: "2", hasHadSuspect: true)
    #expect(turn.runs.map(\.id) == [id] && !turn.isElected)
    #expect(try await bench.claim(10, id: "3", worker: "idle").runs.map(\.id) == [suspects[1]])
    #expect(try await bench.claim(10, id: "4", hasHadSuspect: true).runs.map(\.id) == [suspects[2]])
  }

  @Test func `An election that ends later than a lease from now gives way`() async throws {
    let suspects = try await suspects(1)
    try await bench.send("SET", bench.prefix + "elected", "dead", "PX", "3600000")
    #expect(try await bench.claim(1, id: "1", held: 1).isElected)
    #expect(try await bench.claim(1, id: "2").runs.map(\.id) == suspects)
  }
}
