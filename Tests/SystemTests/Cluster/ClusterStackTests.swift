import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import RedisFixture
import Synchronization
import SystemHarness
import Testing

/// The whole stack on a Redis Cluster of three primaries, its runs divided among six partitions.
@Suite(.timeLimit(.minutes(4))) struct ClusterStackTests {
  @Test func `Runs of all partitions are executed, found by their ids, and merged in lists`() async throws {
    let cluster = try await RedisCluster.start()
    try await withStack(on: cluster) { stack in
      let ids = try await concurrently(Array(0..<48)) { _ in try await stack.submit(Examples.example) }
      for id in ids {
        let status = try await stack.send("GET", "/status/\(id)?wait=60").json
        #expect(status["status"] == "finished" && status["job_id"] == .string(id))
      }
      #expect(Set(ids.compactMap { partition(of: $0, stack) }).count == 6)
      // Each node has its share.
      for server in cluster.servers { #expect(!server.ask("KEYS 'wf:{*}:job:*'").isEmpty) }
      for id in ids.prefix(8) {
        var events = try await EventReader(stack, id)
        #expect(try await events.rest().last?.status == "finished")
      }
      var (listed, cursor): (Set<String>, String) = ([], "")
      repeat {
        let page = try await stack.send("GET", "/status?limit=10\(cursor)").json
        listed.formUnion(
          (page["runs"]?.arrayValue ?? []).compactMap { $0.objectValue?["job_id"]?.stringValue })
        cursor = page["next"]?.stringValue.map { "&cursor=\($0)" } ?? ""
      } while cursor != ""
      #expect(listed == Set(ids))
      let store = try await stack.send("GET", "/workflow/stores/summaries?limit=1000").json
      #expect(store["count"] == 48 && store["values"]?.arrayValue?.count == 48)
      let counts = try await stack.send("GET", "/status/counts").json
      #expect(counts["finished"] == 48 && counts["queued"] == 0)
      let health = try await stack.send("GET", "/status/health").json
      #expect(health["status"] == "ok" && health["workers"] == 2 && health["partitions_down"] == nil)
      let metrics = try await stack.send("GET", "/status/metrics")
      #expect(String(decoding: metrics.body, as: UTF8.self).contains("\nwf_partitions_down 0\n"))
      #expect(try await Audit(stack).problems(of: ids) == [])
      // Nothing is written outside of the partitions.
      for server in cluster.servers { #expect(server.ask("KEYS 'wf:[^{]*'").isEmpty) }
    }
  }

  @Test func `With a hash tag in the prefix all runs are on one node`() async throws {
    let cluster = try await RedisCluster.start()
    let options = Stack.Options(
      settings: ["WF_KEY_PREFIX": "{wf}:"], redisURL: cluster.url(), partitions: 1)
    try await Stack.with(options) { stack in
      for _ in 0..<4 { #expect(try await stack.run(Examples.example)["status"] == "finished") }
      let id = Entries.id()
      _ = try await stack.command("RPUSH", "{wf}:inbox", Entries.entry(id, Examples.example))
      _ = try await wait("the run") { try await stack.send("GET", "/status/\(id)").status == 200 ? true : nil }
      #expect(try await stack.end(of: id)["status"] == "finished")
      let counts = cluster.servers.map { $0.ask("KEYS '{wf}:*'").split(separator: "\n").count }
      #expect(counts.count { $0 > 0 } == 1, "\(counts)")
      #expect(try await stack.command("GET", "{wf}:partitions").string == "1")
    }
  }

  @Test func `An idempotency key makes one run, in whichever partition it is`() async throws {
    try await withStack(on: RedisCluster.start()) { stack in
      for number in 0..<12 {
        let key = [("Idempotency-Key", "key \(number)")]
        let first = try await stack.post(Examples.example.bytes, headers: key)
        let second = try await stack.post(Examples.example.bytes, headers: key)
        #expect(try first.status == 202 && second.status == 202 && second.json["job_id"] == first.json["job_id"])
        #expect(try await stack.post(Examples.workflow(text: "other").bytes, headers: key).status == 409)
      }
      try await stack.waitForAllEnds()
      #expect(try await stack.keys("job:*").count == 12)
    }
  }

  @Test func `An idle worker listens to the messages of each partition`() async throws {
    try await withStack(on: RedisCluster.start()) { stack in
      for prefix in stack.prefixes {
        _ = try await wait("two idle workers") {
          try await stack.command("ZCARD", "\(prefix)idle").int == 2 ? true : nil
        }
        let worker = try #require(try await stack.command("ZRANGE", "\(prefix)idle", "0", "0").array?.first?.string)
        var arguments: RedisArguments = ["PUBSUB", "SHARDNUMSUB"]
        arguments.append("\(prefix)wake:\(worker)")
        let reply = try await stack.redis.routed(to: prefix).send(arguments, timeout: .seconds(20))
        #expect(reply.array?.last == .integer(1))
      }
    }
  }

  @Test func `Runs are cancelled, paused, resumed and run again, one by one and by a filter`() async throws {
    let cluster = try await RedisCluster.start()
    let model = try ModelServer()
    defer { model.close() }
    let settings = ["WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LLM_FALLBACK": "fail"]
    try await withStack(on: cluster, settings: settings) { stack in
      model.behaviour = .hold
      var body = Examples.example.objectValue ?? JSONObject()
      body["labels"] = ["batch": "7"]
      let ids = try await concurrently(Array(0..<12)) { [body] _ in try await stack.submit(.object(body)) }
      try await model.waitForCalls(12)
      let one = try await stack.send("POST", "/workflow/\(ids[0])/cancel")
      #expect(try one.json["status"] == "cancelled")
      let others = try await stack.send("POST", "/workflow/runs/cancel?label=batch%3D7").json
      #expect(others["runs"]?.arrayValue?.count == 11)
      for id in ids { #expect(try await stack.end(of: id)["status"] == "cancelled") }
      model.behaviour = .echo
      model.release()
      let retried = try await stack.send("POST", "/workflow/runs/retry?label=batch%3D7").json
      #expect(retried["runs"]?.arrayValue?.count == 12)
      for id in ids {
        _ = try await wait("the end of the second generation") {
          try await stack.status(id)["status"] == "finished" ? true : nil
        }
      }
      let usage = try await stack.status(ids[0])
      #expect(usage.at("usage", "calls") != nil && usage["usage_unknown"] == nil)
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `Schedules of all partitions start their runs, and are one list`() async throws {
    try await withStack(on: RedisCluster.start()) { stack in
      let run: JSONValue = [
        "run_name": "periodic", "inputs": ["text": "x"],
        "steps": [["id": "a", "op": "store_result", "params": ["namespace": "ticks", "data": "@inputs.text"]]],
      ]
      let names = (0..<8).map { "schedule\($0)" }
      for name in names {
        let body: JSONValue = ["every_s": 1, "run": run]
        let answer = try await stack.send(
          "PUT", "/workflow/schedules/\(name)", headers: [("Content-Type", "application/json")], body: body.bytes)
        #expect(answer.status == 201)
      }
      let list = try await stack.send("GET", "/workflow/schedules").json["schedules"]?.arrayValue ?? []
      #expect(list.compactMap { $0.objectValue?["name"]?.stringValue } == names)
      for name in names {
        _ = try await wait("a run of \(name)") {
          let found = try await stack.send("GET", "/workflow/schedules/\(name)").json
          return (found["runs"]?.numberValue?.int ?? 0) > 0 ? true : nil
        }
        #expect(try await stack.send("DELETE", "/workflow/schedules/\(name)").status == 204)
      }
      try await stack.waitForAllEnds()
    }
  }

  @Test func `Entries of the inbox become runs in all partitions`() async throws {
    try await withStack(on: RedisCluster.start()) { stack in
      let ids = (0..<24).map { _ in Entries.id() }
      for id in ids {
        _ = try await stack.command("RPUSH", "wf:inbox", Entries.entry(id, Examples.example))
      }
      _ = try await stack.command("RPUSH", "wf:inbox", "no JSON")
      for id in ids {
        _ = try await wait("the run \(id)") { try await stack.send("GET", "/status/\(id)").status == 200 ? true : nil }
        #expect(try await stack.end(of: id)["status"] == "finished")
      }
      _ = try await wait("the refusal") { try await stack.total("LLEN", "inbox:refused") == 1 ? true : nil }
      #expect(try await stack.command("LLEN", "wf:inbox").int == 0)
      let health = try await stack.send("GET", "/status/health").json
      #expect(health["warnings"]?.text.contains("inbox:refused 0 -1 shows them") == true)
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }
}
