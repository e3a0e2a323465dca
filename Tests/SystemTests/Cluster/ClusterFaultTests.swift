import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import RedisFixture
import Synchronization
import SystemHarness
import Testing

/// Faults of a Redis Cluster under the whole stack, and what operators are told of one.
@Suite(.timeLimit(.minutes(4))) struct ClusterFaultTests {
  /// The runs that were accepted so far.
  private final class Accepted: Sendable {
    let ids = Mutex<[String]>([])
  }

  /// Waits until health says that these partitions are down, and the others take runs.
  private func expectDegraded(_ gone: [Int], _ stack: Stack) async throws {
    let down = try await wait("a degraded health") { () -> JSONObject? in
      let answer = try await stack.send("GET", "/status/health")
      let facts = try answer.json
      return answer.status == 200 && facts["status"] == "degraded" ? facts : nil
    }
    let outages = (down["partitions_down"]?.arrayValue ?? []).compactMap(\.objectValue)
    #expect(outages.compactMap { $0["partition"]?.numberValue?.int } == gone)
    #expect(down["detail"]?.stringValue?.contains("new runs go to the others") == true)
  }

  @Test func `A node that dies stops its partitions only, and their runs finish when it is back`() async throws {
    let cluster = try await RedisCluster.start(settings: RedisCluster.durable)
    let gone = cluster.partitions(of: 2)
    #expect(!gone.isEmpty)
    try await withStack(on: cluster, settings: ["WF_LEASE_S": "2"]) { stack in
      var ids = try await concurrently(Array(0..<24)) { _ in try await stack.submit(Examples.example) }
      // Some wait in the partitions of the node.
      var later = Examples.example.objectValue ?? JSONObject()
      later["delay_s"] = 3
      ids += try await concurrently(Array(0..<24)) { [later] _ in try await stack.submit(.object(later)) }
      cluster.servers[2].kill()
      try await expectDegraded(gone, stack)
      for _ in 0..<30 {
        let id = try await stack.submit(Examples.example)
        #expect(!gone.contains(partition(of: id, stack) ?? -1))
        #expect(try await stack.end(of: id)["status"] == "finished")
        ids.append(id)
      }
      // A process that starts meanwhile learns from the others how many partitions there are.
      let old = try stack.processID(of: "api")
      try stack.signal(SIGKILL, to: "api")
      try await stack.waitForSuccessor(of: "api", after: old)
      for _ in 0..<10 {
        // nginx may notice the death of the other one only now.
        ids.append(try await wait("a submission") { try? await stack.submit(Examples.example) })
      }
      let list = try await stack.send("GET", "/status")
      #expect(list.status == 503 && list.header("Retry-After") == "2")
      #expect(try list.json["detail"]?.stringValue?.contains("not available") == true)
      cluster.restart(2)
      _ = try await wait("a health that is well") {
        try await stack.send("GET", "/status/health").json["status"] == "ok" ? true : nil
      }
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await stack.send("GET", "/status?limit=1").status == 200)
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `A worker dies: its runs are continued in every partition`() async throws {
    let cluster = try await RedisCluster.start()
    let model = try ModelServer()
    defer { model.close() }
    let settings = [
      "WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LLM_FALLBACK": "fail", "WF_LEASE_S": "2",
    ]
    try await withStack(on: cluster, settings: settings) { stack in
      model.behaviour = .hold
      let ids = try await concurrently(Array(0..<18)) { _ in try await stack.submit(Examples.example) }
      try await model.waitForCalls(18)
      try stack.signal(SIGKILL, to: "worker-1")
      model.behaviour = .echo
      model.release()
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `A slot is moved under load: every accepted run ends, and none is lost`() async throws {
    let cluster = try await RedisCluster.start()
    try await withStack(on: cluster) { stack in
      let accepted = Accepted()
      let slot = cluster.slot(of: "wf:{0}:leases")
      let source = cluster.primary(of: "wf:{0}:leases")
      let target = (source + 1) % 3
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        for client in 0..<4 {
          tasks.addTask {
            for number in 0..<60 {
              while true {
                let key = [("Idempotency-Key", "\(client) \(number)")]
                let answer = try await stack.post(Examples.example.bytes, headers: key)
                if answer.status == 202, let id = try answer.json["job_id"]?.stringValue {
                  accepted.ids.withLock { $0.append(id) }
                  break
                }
                #expect(answer.status == 503, "\(String(decoding: answer.body, as: UTF8.self))")
                try Task.checkCancellation()
              }
            }
          }
        }
        tasks.addTask {
          _ = try await wait("some runs") { accepted.ids.withLock { $0.count } > 40 ? true : nil }
          cluster.beginMove(of: slot, from: source, to: target)
          for _ in 0..<20 { cluster.moveKeys(of: slot, from: source, to: target, most: 10) }
          cluster.moveKeys(of: slot, from: source, to: target)
          cluster.endMove(of: slot, to: target)
        }
        try await tasks.waitForAll()
      }
      let ids = accepted.ids.withLock { $0 }
      #expect(Set(ids).count == 240)
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(cluster.servers[target].ask("CLUSTER COUNTKEYSINSLOT \(slot)") != "0")
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  // MARK: Doctor and settings

  @Test func `wf doctor looks at every node, and names the partitions of each`() async throws {
    let cluster = try await RedisCluster.start(settings: ["--cluster-require-full-coverage", "yes"])
    let settings = ["REDIS_URL": cluster.url(), "WF_PARTITIONS": "6"]
    try await withStack(on: cluster) { stack in
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      let well = try await wf("doctor", settings: settings)
      for server in 0..<3 {
        let numbers = cluster.partitions(of: server).map(String.init).joined(separator: ", ")
        let line = "ok       node 127.0.0.1:\(cluster.port(of: server)): "
        #expect(well.output.contains(line), "\(well.output)")
        #expect(well.output.contains(", primary, partitions \(numbers.isEmpty ? "none" : numbers)\n"))
      }
      for text in [
        "ok       all slots are served, cluster_state is ok", "ok       Redis allows all that wf needs",
        "ok       the runs are divided among 6 partitions", "warning  no replica follows 127.0.0.1:",
        "warning  cluster-require-full-coverage is yes at 127.0.0.1:", "warning  appendonly is no at 127.0.0.1:",
      ] { #expect(well.output.contains(text), "\(text): \(well.output)") }
      let other = try await wf("doctor", settings: settings.merging(["WF_PARTITIONS": "4"]) { $1 })
      #expect(other.output.contains("FAILED   WF_PARTITIONS is 4, but the data in Redis have 6 partitions"))
      cluster.servers[0].kill()
      let broken = try await wf("doctor", settings: settings)
      #expect(broken.code == 1)
      #expect(broken.output.contains("FAILED   node 127.0.0.1:\(cluster.port(of: 0)) does not answer"))
    }
  }

  @Test func `API and worker refuse another number of partitions, and name both`() async throws {
    let cluster = try await RedisCluster.start()
    try await withStack(on: cluster) { stack in
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      for command in [["worker"], ["api", "--socket", "\(stack.folder)/other.sock"]] {
        let outcome = try await wf(command, settings: ["REDIS_URL": cluster.url(), "WF_PARTITIONS": "4"])
        #expect(outcome.code == 78)
        #expect(
          outcome.error.contains("WF_PARTITIONS is 4, but the data in Redis have 6 partitions"), "\(outcome.error)")
      }
    }
  }

  @Test func `A cluster needs a hash tag or several partitions, and no braces in the prefix of these`() async throws {
    let url = "redis+cluster://10.0.0.1,10.0.0.2"
    let one = try await wf("config", settings: ["REDIS_URL": url])
    #expect(one.code == 78 && one.error.contains("set WF_PARTITIONS to 2 or more"), "\(one)")
    #expect(one.error.contains("such as {wf}:"))
    let braces = try await wf("config", settings: ["REDIS_URL": url, "WF_PARTITIONS": "6", "WF_KEY_PREFIX": "{a}:"])
    #expect(braces.code == 78 && braces.error.contains("has braces"))
    for right in [["WF_PARTITIONS": "6"], ["WF_KEY_PREFIX": "{wf}:"]] {
      let outcome = try await wf("config", settings: ["REDIS_URL": url].merging(right) { $1 })
      #expect(outcome.code == 0, "\(outcome)")
    }
  }
}
