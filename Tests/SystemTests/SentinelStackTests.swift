import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import RedisFixture
import Synchronization
import SystemHarness
import Testing

/// The whole stack on a primary that sentinels watch, with replicas that die, stand still and are promoted.
@Suite(.timeLimit(.minutes(3))) struct SentinelStackTests {
  private static let settings = ["WF_WAIT_REPLICAS": "1", "WF_LEASE_S": "2"]

  /// The runs that were accepted so far.
  private final class Accepted: Sendable {
    let ids = Mutex<[String]>([])
  }

  /// Submits with a key until the run is accepted.
  /// - Returns: the run, and how often the answer was another.
  private func submit(_ key: String, to stack: Stack) async throws -> (id: String, refusals: Int) {
    for refusals in 0... {
      let answer = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", key)])
      if answer.status == 202, let id = try answer.json["job_id"]?.stringValue { return (id, refusals) }
      #expect(answer.status == 503, "\(String(decoding: answer.body, as: UTF8.self))")
      try Task.checkCancellation()
    }
    throw StackFailure("a run was never accepted")
  }

  @Test func `A primary is killed under load: every accepted run ends, and none is lost`() async throws {
    let group = try await ReplicatedRedis.start(replicas: 2)
    try await group.waitUntilWatched()
    let options = Stack.Options(workers: 2, settings: Self.settings, redisURL: group.url())
    try await Stack.with(options) { stack in
      let accepted = Accepted()
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for client in 0..<4 {
          tasks.addTask {
            for number in 0..<40 {
              let id = try await submit("\(client)-\(number)", to: stack).id
              accepted.ids.withLock { $0.append(id) }
            }
          }
        }
        tasks.addTask {
          _ = try await wait("some runs") { accepted.ids.withLock { $0.count } > 30 ? true : nil }
          group.servers[0].kill()
        }
        try await tasks.waitForAll()
      }
      let ids = accepted.ids.withLock { $0 }
      #expect(Set(ids).count == 160)
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await stack.command("CONFIG", "GET", "port").array?.last?.int != group.port(of: 0))
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `While the only replica stands still, no submission and no checkpoint counts`() async throws {
    let group = try await ReplicatedRedis.start()
    try await Stack.withModel(settings: Self.settings, redisURL: group.url()) { stack, model in
      let before = try await submit("before", to: stack).id
      #expect(try await stack.end(of: before)["status"] == "finished")
      group.servers[1].pause()
      let answer = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", "during")])
      #expect(answer.status == 503 && answer.header("Retry-After") == "2")
      let detail = try answer.json["detail"]?.stringValue ?? ""
      for text in ["REPLICAS", "unknown", "Idempotency-Key"] { #expect(detail.contains(text), "\(detail)") }
      // A worker has the run, and waits with its first record: the call that depends on it has not gone out.
      _ = try await wait("a write that waits") {
        try stack.log(of: "worker-1").contains("only 0 of 1 replicas acknowledged") ? true : nil
      }
      let id = try #require(try await stack.startedRuns().first)
      #expect(model.calls.count == 1)
      // Sent again, it is not accepted by a script that finds it written.
      let again = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", "during")])
      #expect(again.status == 503)
      let control = try await stack.send("POST", "/workflow/\(id)/resume")
      #expect(control.status == 503)
      #expect(try await stack.status(id)["status"] == "started" && model.calls.count == 1)
      group.servers[1].resume()
      #expect(try await submit("during", to: stack).id == id)
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(model.calls.count == 2)
      #expect(try await Audit(stack).problems(of: [before, id]) == [])
    }
  }

  @Test func `The doctor tells which sentinels answer, and what the replicas are worth`() async throws {
    let group = try await ReplicatedRedis.start()
    try await group.waitUntilWatched()
    let healthy = try await wf("doctor", settings: ["REDIS_URL": group.url()]).output
    let primary = "127.0.0.1:\(group.port(of: 0))"
    for line in [
      "ok       3 of 3 sentinels name the primary \(primary)", "ok       3 sentinels watch it, quorum 2: 2 of them",
      "ok       1 replica follows the primary", "warning  min-replicas-to-write is 0",
    ] {
      #expect(healthy.contains(line), "\(healthy)")
    }
    group.killSentinel(0)
    group.killSentinel(1)
    group.servers[1].kill()
    let poor = try await wait("a primary without its replica") {
      let output = try await wf("doctor", settings: ["REDIS_URL": group.url(), "WF_WAIT_REPLICAS": "1"]).output
      return output.contains("0 replicas follow the primary") ? output : nil
    }
    for line in [
      "does not report where the primary is: cannot connect", "1 of 3 sentinels name the primary \(primary)",
      "1 of those in REDIS_URL answer: 2 are needed", "FAILED   WF_WAIT_REPLICAS is 1, and 0 replicas follow",
    ] {
      #expect(poor.contains(line), "\(poor)")
    }
  }
}
