import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// The main paths of a stack whose runs are divided among four partitions, and what refuses another number.
@Suite(.timeLimit(.minutes(3))) struct PartitionedStackTests {
  private static let four = Stack.Options(workers: 2, apis: 2, partitions: 4)

  private func address(_ stack: Stack) -> String { "redis+unix://\(stack.folder)/redis.sock" }

  /// The settings of a process that uses a stack's Redis with another number of partitions.
  private func settings(_ stack: Stack, partitions: Int) -> [String: String] {
    ["REDIS_URL": address(stack), "WF_PARTITIONS": "\(partitions)", "WF_URL": stack.url]
  }

  @Test func `Runs of all partitions are executed, and found by their ids alone`() async throws {
    try await Stack.with(Self.four) { stack in
      let ids = try await concurrently(Array(0..<40)) { _ in try await stack.submit(Examples.example) }
      for id in ids {
        let status = try await stack.send("GET", "/status/\(id)?wait=60").json
        #expect(status["status"] == "finished" && status["job_id"] == .string(id))
      }
      for prefix in stack.prefixes { #expect(try await stack.command("EXISTS", "\(prefix)classes").int == 1) }
      #expect(try await stack.keys("job:*").count == 40)
      #expect(try await stack.total("LLEN", "store:summaries") == 40)
      for id in ids.prefix(8) {
        var events = try await EventReader(stack, id)
        #expect(try await events.rest().last?.status == "finished")
      }
      let health = try await stack.send("GET", "/status/health").json
      #expect(health["workers"] == 2 && health["queued"] == 0 && health["started"] == 0)
      #expect(try await stack.command("GET", "wf:partitions").string == "4")
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `An idempotency key makes one run, in whichever partition it is`() async throws {
    try await Stack.with(Self.four) { stack in
      var ids: [String] = []
      for number in 0..<12 {
        let key = [("Idempotency-Key", "key \(number)")]
        let first = try await stack.post(Examples.example.bytes, headers: key)
        let id = try #require(try first.json["job_id"]?.stringValue)
        let second = try await stack.post(Examples.example.bytes, headers: key)
        #expect(try first.status == 202 && second.status == 202 && second.json["job_id"] == .string(id))
        #expect(try await stack.post(Examples.workflow(text: "other").bytes, headers: key).status == 409)
        ids.append(id)
      }
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await stack.keys("job:*").count == 12)
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `Idle workers wait for a message of each partition, and a stopped one leaves them all`() async throws {
    try await Stack.with(Self.four) { stack in
      for prefix in stack.prefixes {
        _ = try await wait("two idle workers") {
          try await stack.command("ZCARD", "\(prefix)idle").int == 2 ? true : nil
        }
        let worker = try #require(try await stack.command("ZRANGE", "\(prefix)idle", "0", "0").array?.first?.string)
        #expect(
          try await stack.command("PUBSUB", "NUMSUB", "\(prefix)wake:\(worker)").array?.last == .integer(1))
      }
      // Its successor has another name.
      try stack.signal(SIGTERM, to: "worker-1")
      for prefix in stack.prefixes {
        _ = try await wait("one worker less, and its successor") {
          let names = try await stack.command("ZRANGE", "\(prefix)workers", "0", "-1").array?.compactMap(\.string)
          return Set(names ?? []).count == 2 ? true : nil
        }
      }
    }
  }

  @Test func `The runs of a dead worker are continued in every partition`() async throws {
    try await Stack.withModel(workers: 2, partitions: 4) { stack, model in
      model.behaviour = .hold
      let ids = try await concurrently(Array(0..<16)) { _ in try await stack.submit(Examples.example) }
      try await model.waitForCalls(16)
      try stack.signal(SIGKILL, to: try await stack.holder(of: ids[0]))
      model.behaviour = .echo
      model.release()
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(Set(model.calls.compactMap { $0.headers["idempotency-key"] }) == Set(ids.map { "\($0)/llm" }))
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `Dead letters of all partitions are one list, the newest first`() async throws {
    try await Stack.with(.init(workers: 0, partitions: 4)) { stack in
      var ids: [String] = []
      for number in 1...8 {
        let id = try await stack.submit(Examples.example)
        _ = try await stack.command("HSET", stack.key("job", id), "status", "failed", "finished_ts", "\(number).5")
        _ = try await stack.command("ZADD", stack.key("dead", ofPartition: id), "\(number)500", id)
        ids.append(id)
      }
      let runs = try await stack.send("GET", "/status?dead=1&limit=5").json["runs"]?.arrayValue ?? []
      #expect(runs.map { $0.objectValue?["job_id"]?.stringValue } == ids.reversed().prefix(5).map { $0 })
    }
  }

  // MARK: Another number

  @Test func `API and worker refuse another number of partitions than the data have, and name both`() async throws {
    for (stored, given) in [(4, 1), (4, 2), (1, 4)] {
      try await Stack.with(.init(partitions: stored)) { stack in
        #expect(try await stack.run(Examples.example)["status"] == "finished")
        for command in [["worker"], ["api", "--socket", "\(stack.folder)/other.sock"]] {
          let outcome = try await wf(command, settings: settings(stack, partitions: given))
          #expect(outcome.code == 78)
          #expect(outcome.error.contains("WF_PARTITIONS is \(given), but the data in Redis have \(stored) partition"))
          #expect(outcome.error.contains("set WF_PARTITIONS=\(stored), or"))
        }
        // Nothing was written where the other number has its keys.
        let keys = try await stack.command("KEYS", "*").array?.compactMap(\.string) ?? []
        #expect(keys.filter { $0.hasPrefix("wf:{") }.count == (stored == 1 ? 0 : keys.count - 1))
        #expect(try await stack.run(Examples.example)["status"] == "finished")
      }
    }
  }

  @Test func `Data that were there before the count are one partition`() async throws {
    try await Stack.with(.init(partitions: 1)) { stack in
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      // The API writes it again every two seconds.
      let outcome = try await wait("a refusal without the count") { () -> CommandOutcome? in
        _ = try await stack.command("DEL", "wf:partitions")
        let outcome = try await wf("worker", settings: settings(stack, partitions: 4))
        return outcome.error.contains("have 1 partition;") ? outcome : nil
      }
      #expect(outcome.code == 78)
    }
  }

  @Test func `wf doctor names the number of partitions, and another one as broken`() async throws {
    try await Stack.with(Self.four) { stack in
      let right = try await wf("doctor", settings: settings(stack, partitions: 4))
      #expect(right.output.contains("ok       the runs are divided among 4 partitions"))
      #expect(right.output.contains("ok       Redis allows all that wf needs"))
      let wrong = try await wf("doctor", settings: settings(stack, partitions: 3))
      #expect(wrong.output.contains("FAILED   WF_PARTITIONS is 3, but the data in Redis have 4 partitions"))
      #expect(wrong.code == 1)
    }
  }

  @Test func `A process that starts while Redis is away accepts nothing before it knows the number`() async throws {
    try await Stack.with(Self.four) { stack in
      let socket = "\(stack.folder)/other.sock"
      try stack.signal(SIGSTOP, to: "redis")
      async let api = wf("api", "--socket", socket, settings: settings(stack, partitions: 2))
      async let worker = wf("worker", settings: settings(stack, partitions: 2))
      // It listens although Redis does not answer.
      _ = try await wait("the socket") { access(socket, F_OK) == 0 ? true : nil }
      try stack.signal(SIGCONT, to: "redis")
      for outcome in [try await api, try await worker] {
        #expect(outcome.code == 78)
        #expect(outcome.error.contains("WF_PARTITIONS is 2, but the data in Redis have 4 partitions"))
      }
    }
  }
}
