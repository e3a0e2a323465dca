import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// Redis goes away in every way that it has: the API says 503 while it lasts, everybody works on by themselves
/// afterwards, and no model call under way is lost or repeated.
@Suite(.timeLimit(.minutes(3))) struct RedisFaultTests {
  /// Where Redis is, and what it says, is for the log.
  private func expectNoAddress(in answer: HTTPResponse, of stack: Stack) {
    let text = String(decoding: answer.body, as: UTF8.self)
    for fact in [stack.folder, ".sock", "redis://", "redis+unix", "errno", "No such file", "refused"] {
      #expect(!text.contains(fact), "\(text)")
    }
  }

  /// Has a model call under way while a fault comes and goes.
  /// - Parameters:
  ///   - refusesWrites: whether a submission during the fault is answered 503; nil where it may just take its time.
  private func endure(
    settings: [String: String] = [:], redis: [String] = [], refusesWrites: Bool? = true,
    fault: @escaping @Sendable (Stack) async throws -> Void, end: @escaping @Sendable (Stack) async throws -> Void
  ) async throws {
    try await Stack.withModel(workers: 2, settings: settings, redis: redis) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      let processes = try ["api", "worker-1", "worker-2"].map { try stack.processID(of: $0) }
      try await fault(stack)
      let during = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", "during")])
      if refusesWrites == true {
        #expect(during.status == 503)
        #expect(during.header("Retry-After") == "2")
        #expect(try during.json["detail"]?.stringValue != nil)
        let health = try await stack.send("GET", "/status/health")
        #expect(health.status == 503)
        #expect(try health.json["redis"] == "unavailable")
        for answer in [during, health] { expectNoAddress(in: answer, of: stack) }
      }
      model.behaviour = .echo
      model.release()
      try await end(stack)
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(model.calls.count { $0.headers["idempotency-key"] == "\(id)/llm" } == 1)
      // The one that was refused, or not: with its key it is one run. And a new one, so that nobody is deaf.
      let again = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", "during")])
      #expect(again.status == 202)
      if during.status == 202 { #expect(try again.json == during.json) }
      var ids = [id, try #require(try again.json["job_id"]?.stringValue)]
      ids.append(try await stack.submit(Examples.example))
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try ["api", "worker-1", "worker-2"].map { try stack.processID(of: $0) } == processes)
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `it is gone for two leases`() async throws {
    try await endure(
      fault: { stack in
        // No new connection comes through, and the old ones are cut; the tests' own stays.
        rename("\(stack.folder)/redis.sock", "\(stack.folder)/away.sock")
        for kind in ["normal", "pubsub"] {
          _ = try await stack.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        }
        try await stack.passTime(4)
      },
      end: { stack in rename("\(stack.folder)/away.sock", "\(stack.folder)/redis.sock") })
  }

  @Test func `it stands still for two leases`() async throws {
    try await endure(
      fault: { try $0.signal(SIGSTOP, to: "redis") },
      end: { try $0.signal(SIGCONT, to: "redis") })
  }

  @Test func `it is killed`() async throws {
    try await endure(
      redis: ["appendfsync always"], refusesWrites: nil,
      fault: { stack in
        let old = try stack.processID(of: "redis")
        try stack.signal(SIGKILL, to: "redis")
        try await stack.waitForSuccessor(of: "redis", after: old)
      }, end: { _ in })
  }

  @Test func `it pauses its clients`() async throws {
    try await endure(
      refusesWrites: nil,
      fault: { _ = try await $0.command("CLIENT", "PAUSE", "3000", "ALL") }, end: { try await $0.passTime(1) })
  }

  @Test func `it pauses all writes for longer than a lease, again and again`() async throws {
    try await Stack.withModel(workers: 2) { stack, model in
      model.behaviour = .hold
      var ids: [String] = []
      for _ in 0..<4 { ids.append(try await stack.submit(Examples.example)) }
      try await model.waitForCalls(4)
      for _ in 0..<3 {
        _ = try await stack.command("CLIENT", "PAUSE", "2600", "WRITE")
        // A write of our own is answered when the pause is over.
        _ = try await stack.command("SET", "filler", "1")
        try await stack.passTime(1)
      }
      model.release()
      for id in ids {
        let status = try await stack.end(of: id)
        #expect(status["status"] == "finished" && !status.messages.contains("resumed"))
      }
      #expect(model.calls.count == 4)
    }
  }

  @Test func `it is full`() async throws {
    try await endure(
      fault: { _ = try await $0.command("CONFIG", "SET", "maxmemory", "1") },
      end: { _ = try await $0.command("CONFIG", "SET", "maxmemory", "0") })
  }

  @Test func `it is turned read-only`() async throws {
    try await endure(
      fault: { stack in
        _ = try await stack.command("REPLICAOF", "127.0.0.1", "1")
        try await stack.passTime(4)
      },
      end: { _ = try await $0.command("REPLICAOF", "NO", "ONE") })
  }

  @Test func `it drops every connection, one by one`() async throws {
    try await endure(
      refusesWrites: nil,
      fault: { stack in
        let clients = try await stack.command("CLIENT", "LIST").string?.split(separator: "\n") ?? []
        for client in clients where client.contains(" name=wf-") {
          let id = client.split(separator: " ").first?.dropFirst("id=".count) ?? ""
          #expect(try await stack.command("CLIENT", "KILL", "ID", String(id)) == .integer(1))
        }
      }, end: { _ in })
  }

  @Test func `it answers slowly`() async throws {
    let busy = """
      local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
      local stop = now() + 700 while now() < stop do end return 1
      """
    try await endure(
      refusesWrites: false,
      fault: { stack in
        Task { for _ in 0..<8 { _ = try? await stack.command("EVAL", busy, "0") } }
      }, end: { _ in })
  }

  @Test func `it is loading its data`() async throws {
    // A delay (µs) for each command of the log makes it load for ten seconds, twice as long as the API waits for Redis.
    try await Stack.withModel(redis: ["key-load-delay 2500"]) { stack, model in
      for _ in 0..<4 {
        _ = try await stack.command("EVAL", "for i = 1, 1000 do redis.call('INCR', 'filler') end return 1", "0")
      }
      let old = try stack.processID(of: "redis")
      try stack.signal(SIGTERM, to: "redis")
      try await stack.waitForSuccessor(of: "redis", after: old)
      let refused = try await wait("an answer while Redis loads") {
        let answer = try await stack.post(Examples.example.bytes)
        return answer.status == 503 ? answer : nil
      }
      #expect(refused.header("Retry-After") == "2")
      let id = try await wait("an accepted run") {
        let answer = try await stack.post(Examples.example.bytes)
        return answer.status == 202 ? try answer.json["job_id"]?.stringValue : nil
      }
      #expect(try await stack.end(of: id)["status"] == "finished")
    }
  }

  @Test func `every run that was accepted before it is killed is there afterwards`() async throws {
    try await Stack.withModel(redis: ["appendfsync always"]) { stack, _ in
      let isOver = Flag()
      let accepted = try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<8 {
          group.addTask {
            var ids: [String] = []
            while !isOver.isSet {
              let answer = try await stack.post(Examples.example.bytes)
              if answer.status == 202 { ids.append(try answer.json["job_id"]?.stringValue ?? "") }
            }
            return ids
          }
        }
        for count in [400, 800] {
          _ = try await wait("some runs") { try await stack.command("DBSIZE").int ?? 0 > count ? true : nil }
          let old = try stack.processID(of: "redis")
          try stack.signal(SIGKILL, to: "redis")
          try await stack.waitForSuccessor(of: "redis", after: old)
        }
        isOver.set()
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(accepted.count > 50)
      for id in accepted { #expect(try await stack.end(of: id)["status"] == "finished") }
      // A request that was refused may have been carried out, or be so yet.
      try await stack.waitForAllEnds()
      #expect(try await Audit(stack).problems(of: accepted) == [])
    }
  }

  @Test func `a Redis that may lose runs is said in the log, with the remedy`() async throws {
    let stack = try await SharedStack.get()
    for part in ["api", "worker-1"] { #expect(try !stack.log(of: part).contains("maxmemory-policy")) }
    try await Stack.with(.init()) { stack in
      _ = try await stack.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
      _ = try await stack.command("CONFIG", "SET", "appendonly", "no")
      for part in ["api", "worker-1"] {
        let old = try stack.processID(of: part)
        try stack.signal(SIGTERM, to: part)
        try await stack.waitForSuccessor(of: part, after: old)
        _ = try await wait("the warnings of \(part)") {
          let log = try stack.log(of: part)
          return log.contains("set maxmemory-policy noeviction in redis.conf")
            && log.contains("CONFIG SET appendonly yes")
            ? true : nil
        }
      }
    }
  }
}
