import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

/// What Redis refuses to tell is not taken for what is not there.
@Suite(.timeLimit(.minutes(5))) struct MissingRightTests {
  @Test(arguments: ["hget", "hgetall", "hmget", "llen", "lrange", "rpush", "zrangebyscore", "zscore"])
  func `While a right is missing no run is lost, nor what is recorded of it`(command: String) async throws {
    let bench = try Bench(on: RedisServer())
    for _ in 0..<3 { try await bench.submit() }
    let runs = try await bench.claimRuns(2)
    for run in runs { try await bench.record(run, 1) { $0.checkpoint("a", "{}") } }
    let log = try await bench.list("progress:\(runs[0].id)")
    try await bench.lapse(runs[1].id)
    try await bench.send("ACL", "SETUSER", "default", "-" + command)
    _ = try? await bench.beat(runs)
    _ = try? await bench.record(runs[0], 2) { $0.checkpoint("b", "{}") }
    _ = try? await bench.claim(10, id: "2")
    _ = try? await bench.store.recover()
    _ = try? await bench.reconcile(allKeys: true)
    try await bench.send("ACL", "SETUSER", "default", "+" + command)
    #expect(try await bench.list("progress:\(runs[0].id)").starts(with: log))
    #expect(try await bench.reconcile(worker: "other", allKeys: true) == [])
    #expect(try await bench.hash("repairs") == [:])
    for run in runs { #expect(try await bench.documents(run.id)["out:a"] == "{}") }
    #expect(try await bench.send("ZCARD", bench.prefix + "live") == .integer(3))
  }
}
