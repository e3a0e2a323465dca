import Curl
import ExactJSON
import Glibc
import Hiredis
import Logging
import ModelServer
import Subprocess
import SystemHarness
import SystemPackage
import Testing
import WorkflowStore

/// wf as a user that may do what the page Operating says and nothing else.
@Suite(.timeLimit(.minutes(3))) struct RedisRightsTests {
  private static let rights = "user default on nopass resetkeys -@all " + RedisRequirements.rules(Keys())
  private static let admin = "user admin on >admin ~* &* +@all"

  /// A connection of a user that may do everything.
  private func admin(_ stack: Stack) throws -> RedisConnection {
    RedisConnection(
      try RedisAddress("redis+unix://admin:admin@\(stack.folder)/redis.sock"), name: "admin",
      logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
  }

  private func doctor(_ stack: Stack, login: String = "") async throws -> String {
    let changes: [Environment.Key: String?] = [
      "REDIS_URL": "redis+unix://\(login)\(stack.folder)/redis.sock", "WF_URL": stack.url,
    ]
    let result = try await Subprocess.run(
      .path(FilePath(Stack.executable)), arguments: ["doctor"], environment: .inherit.updating(changes),
      output: .string(limit: 1 << 20), error: .discarded)
    return result.standardOutput
  }

  @Test func `Nothing that wf does is refused to a user with the rights that the page Operating lists`() async throws {
    try await Stack.withModel(workers: 2, redis: [Self.rights, Self.admin]) { stack, model in
      let admin = try admin(stack)
      // A run with a key, a store, a retried call, and a watcher.
      let accepted = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", "k")])
      let first = try #require(try accepted.json["job_id"]?.stringValue)
      #expect(try await stack.send("GET", "/status/\(first)?wait=30").json["status"] == "finished")
      #expect(try await stack.send("GET", "/status/\(first)/events").status == 200)
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      #expect(try await stack.send("GET", "/workflow/stores/summaries?limit=1").json["count"] == 2)
      #expect(try await stack.send("DELETE", "/workflow/stores/summaries").status == 204)
      // A run that takes down three workers in a row, beside one that is taken over.
      model.behaviour = .hold
      let poison = try await stack.submit(Examples.example)
      for death in 3...5 {
        try await model.waitForCalls(death)
        for part in ["worker-1", "worker-2"] { try stack.signal(SIGKILL, to: part) }
      }
      #expect(try await stack.end(of: poison)["error_code"] == "worker_crashed")
      #expect(try await stack.send("GET", "/status?dead=1").json["runs"]?.arrayValue?.count == 1)
      model.behaviour = .echo
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      let report = try await doctor(stack)
      #expect(report.contains("Redis allows all that wf needs") && !report.contains("Redis's user"))
      // A worker that stops says so.
      try stack.signal(SIGTERM, to: "worker-1")
      _ = try await wait("the worker's end") { try stack.log(of: "worker-1").contains("worker stopped") ? true : nil }
      #expect(try await admin.send(["ACL", "LOG"], timeout: .seconds(20)) == .array([]))
    }
  }

  @Test func `A right that is taken away is said by health, the log and wf doctor, and everything goes on afterwards`()
    async throws
  {
    try await Stack.withModel(redis: [Self.rights, Self.admin]) { stack, _ in
      let admin = try admin(stack)
      let stranger = try await doctor(stack, login: "nobody:wrong@")
      #expect(stranger.contains("WRONGPASS") && stranger.contains("correct the user or the password"))
      for (rule, word) in [("-evalsha", "evalsha"), ("-hset", "hset"), ("resetkeys", "ermissions to access")] {
        _ = try await admin.send(["ACL", "SETUSER", "default", rule], timeout: .seconds(20))
        let refused = try await stack.post(Examples.example.bytes)
        #expect(refused.status == 503 && refused.header("Retry-After") != nil)
        let detail = try refused.json["detail"]?.stringValue ?? ""
        #expect(detail.contains("NOPERM") && !detail.contains("not what wf wrote"))
        let report = try await doctor(stack)
        #expect(report.contains("FAILED") && report.contains(word) && report.contains("ACL SETUSER"))
        #expect(try stack.log(of: "api").contains("allow this user what wf needs"))
        _ = try await admin.send(
          ["ACL", "SETUSER", "default", "~wf:*", "+evalsha", "+hset"], timeout: .seconds(20))
        #expect(try await stack.run(Examples.example)["status"] == "finished")
      }
    }
  }

  @Test func `A user of another prefix gets the line that allows the one in force`() async throws {
    try await Stack.with(.init(workers: 0, redis: [Self.rights, Self.admin])) { stack in
      let admin = try admin(stack)
      let settings = ["REDIS_URL": "redis+unix://\(stack.folder)/redis.sock", "WF_KEY_PREFIX": "other[1]:"]
      let report = try await wf("doctor", settings: settings).output
      let start = "→ redis-cli ACL SETUSER default "
      let line = try #require(report.split(separator: "\n").first { $0.contains(start) })
      #expect(!report.contains("Operating.md has") && !report.contains("wf doctor names"))
      // The line is ready for a shell.
      let command = line.drop { $0 != "r" }.dropFirst("redis-cli".count)
      #expect(
        system("redis-cli -s \(stack.folder)/redis.sock --user admin --pass admin \(command) > /dev/null 2>&1") == 0)
      #expect(try await admin.send(["PING"], timeout: .seconds(20)) == .status("PONG"))
      #expect(try await wf("doctor", settings: settings).output.contains("Redis allows all that wf needs"))
    }
  }

  @Test func `Without INFO a dead worker's runs are still taken over`() async throws {
    try await Stack.withModel(workers: 2, redis: [Self.rights + " -@dangerous", Self.admin]) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      let answer = try await admin(stack).send(
        ["HGET", stack.key("holds", ofPartition: id), id], timeout: .seconds(20))
      let worker = try #require(answer.string.flatMap(Stack.worker))
      let process = try #require(worker.split(separator: "-").dropLast().last.flatMap { Int32($0) })
      kill(process, SIGKILL)
      try await model.waitForCalls(2)
      model.release()
      #expect(try await stack.end(of: id)["status"] == "finished")
      for part in ["api", "worker-1"] {
        #expect(try stack.log(of: part).contains("Redis does not let default run"))
      }
    }
  }

  @Test func `A Redis that may lose runs, or has lost them, is a warning in health`() async throws {
    try await Stack.with(.init(settings: ["WF_LEASE_S": "2"])) { stack in
      func warnings() async throws -> [String] {
        let health = try await stack.send("GET", "/status/health")
        guard health.status == 200 else { return [] }
        return try health.json["warnings"]?.arrayValue?.compactMap(\.stringValue) ?? []
      }
      #expect(try await warnings() == [])
      _ = try await wait("the database's id") {
        try await stack.command("EXISTS", stack.prefixes[0] + "database") == .integer(1) ? true : nil
      }
      _ = try await stack.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
      _ = try await wait("a warning") { try await warnings().contains { $0.contains("allkeys-lru") } ? true : nil }
      _ = try await stack.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
      _ = try await wait("no warning") { try await warnings() == [] ? true : nil }
      _ = try await stack.command("FLUSHDB")
      _ = try await wait("a warning") { try await warnings().contains { $0.contains("emptied") } ? true : nil }
      #expect(try stack.log(of: "api").contains("error Redis was emptied or replaced"))
    }
  }
}
