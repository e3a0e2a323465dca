import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

/// Of many idle workers one is woken for a run.
@Suite(.timeLimit(.minutes(5))) struct IdleWorkerTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  /// Lets workers find the queue empty, one after another, and listens where they would.
  private func idle(_ workers: [String]) async throws -> [Channel] {
    var channels: [Channel] = []
    for (number, worker) in workers.enumerated() {
      channels.append(try await Channel(bench.prefix + "wake:" + worker, of: bench.server))
      #expect(try await bench.claim(10, id: "\(number)", worker: worker).runs.isEmpty)
      try await bench.send("ZADD", bench.prefix + "idle", "\(number)", worker)
    }
    return channels
  }

  private func idleWorkers() async throws -> [String] {
    try await bench.send("ZRANGE", bench.prefix + "idle", "0", "-1").array?.compactMap(\.string) ?? []
  }

  @Test func `A submission wakes the worker that has been idle for longest, and no other`() async throws {
    let channels = try await idle(["a", "b", "c"])
    try await bench.submit()
    #expect(await channels[0].next() == "")
    #expect(try await idleWorkers() == ["b", "c"])
    try await bench.submit()
    #expect(await channels[1].next() == "")
    // The first worker takes both runs, and is idle again.
    #expect(try await bench.claim(10, id: "next", worker: "a").runs.count == 2)
    #expect(try await idleWorkers() == ["c", "a"])
  }

  @Test func `A worker that is gone is passed over`() async throws {
    let channels = try await idle(["a", "b"])
    try await bench.send("ZADD", bench.prefix + "idle", "-1", "dead")
    try await bench.submit()
    #expect(await channels[0].next() == "")
    #expect(try await idleWorkers() == ["b"])
  }

  @Test func `Runs that are handed back or recovered wake as many workers`() async throws {
    for _ in 0..<3 { try await bench.submit() }
    let runs = try await bench.claimRuns(3)
    let channels = try await idle(["a", "b", "c"])
    try await bench.record(runs[0], 1) { $0.end = .handedBack(asSuspect: false) }
    #expect(await channels[0].next() == "")
    for run in runs[1...2] { try await bench.lapse(run.id) }
    #expect(try await bench.store.recover().count == 2)
    for channel in channels[1...2] { #expect(await channel.next() == "") }
    #expect(try await idleWorkers() == [])
  }

  @Test func `A worker without room, with a suspect, or that leaves is not idle`() async throws {
    for _ in 0..<2 { try await bench.submit() }
    #expect(try await bench.claim(2, id: "1", worker: "full").runs.count == 2)
    #expect(try await idleWorkers() == [])
    #expect(try await bench.claim(1, id: "2", worker: "a").runs.isEmpty)
    #expect(try await idleWorkers() == ["a"])
    try await bench.store.deregister(worker: "a")
    #expect(try await idleWorkers() == [])
  }
}
