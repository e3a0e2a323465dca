import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// Processes die, Redis goes away: accepted runs go on.
@Suite(.serialized) struct CrashTests {
  @Test func `a run whose worker is killed in the middle of a step finishes on another worker`() async throws {
    try await Stack.withModel(workers: 2) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      let dead = try #require(try await stack.worker(of: id))
      try stack.signal(SIGKILL, to: try await stack.holder(of: id))
      try await model.waitForCalls(2)
      model.release()
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      #expect(status.messages.count { $0 == "step_start pre" } == 1)
      #expect(status.messages.count { $0 == "step_done pre" } == 1)
      #expect(status.messages.count { $0 == "step_start llm" } == 2)
      #expect(status.messages.contains("resumed"))
      #expect(try await stack.command("HGET", stack.key("job", id), "end").string.flatMap(Stack.worker) != dead)
      let keys = Set(model.calls.compactMap { $0.headers["idempotency-key"] })
      #expect(keys == ["\(id)/llm"])
      #expect(try await stack.total("LLEN", "store:summaries") == 1)
      #expect(try await stack.total("ZCARD", "leases") == 0)
    }
  }

  @Test func `a run that kills its worker three times ends as failed, and harms no other`() async throws {
    try await Stack.withModel(workers: 1) { stack, model in
      model.behaviour = .hold
      let poison = try await stack.submit(Examples.example)
      for death in 1...3 {
        try await model.waitForCalls(death)
        let old = try stack.processID(of: "worker-1")
        try stack.signal(SIGKILL, to: "worker-1")
        _ = try await wait("another worker") { try stack.processID(of: "worker-1") != old ? true : nil }
      }
      let status = try await stack.end(of: poison)
      #expect(status["status"] == "failed")
      #expect(status["error_code"] == "worker_crashed")
      #expect(status.at("steps", "pre", "status") == "done")
      model.behaviour = .answer(text: "fine")
      #expect(try await stack.run(Examples.example)["status"] == "finished")
    }
  }

  @Test func `a worker that is told to stop finishes what it can`() async throws {
    try await Stack.withModel(workers: 2) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      let holder = try await stack.holder(of: id)
      try stack.signal(SIGTERM, to: holder)
      _ = try await wait("the drain") { try stack.log(of: holder).contains("finishing 1 runs") ? true : nil }
      model.release()
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      #expect(!status.messages.contains("resumed"))
      #expect(model.calls.count == 1)
    }
  }

  @Test func `what a stopping worker cannot finish is handed back at once, without counting a crash`() async throws {
    try await Stack.withModel(workers: 2, settings: ["WF_DRAIN_S": "0.2", "WF_LEASE_S": "600"]) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      try stack.signal(SIGTERM, to: try await stack.holder(of: id))
      try await model.waitForCalls(2)
      model.release()
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      #expect(status.messages.contains("resumed"))
      #expect(try await stack.crashes(of: id) == 0)
    }
  }

  @Test func `a hand-back that Redis refuses is tried again, and no crash is counted`() async throws {
    try await Stack.withModel(workers: 2, settings: ["WF_DRAIN_S": "0.2", "WF_LEASE_S": "600"]) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      let holder = try await stack.holder(of: id)
      _ = try await stack.command("CONFIG", "SET", "min-replicas-to-write", "1")
      try stack.signal(SIGTERM, to: holder)
      _ = try await wait("the refusal") { try stack.log(of: holder).contains("a write waits for Redis") ? true : nil }
      _ = try await stack.command("CONFIG", "SET", "min-replicas-to-write", "0")
      try await model.waitForCalls(2)
      model.release()
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(try await stack.crashes(of: id) == 0)
    }
  }

  @Test func `a restart of Redis stops nobody and repeats no model call`() async throws {
    try await Stack.withModel(workers: 1, settings: ["WF_LEASE_S": "600"]) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      let worker = try stack.processID(of: "worker-1")
      let api = try stack.processID(of: "api")
      let redis = try stack.processID(of: "redis")
      try stack.signal(SIGTERM, to: "redis")
      _ = try await wait("another Redis") { try stack.processID(of: "redis") != redis ? true : nil }
      model.release()
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(model.calls.count == 1)
      // An idle worker is not deaf either: the wake-up channel is subscribed again.
      model.behaviour = .answer(text: "again")
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      #expect(try stack.processID(of: "worker-1") == worker)
      #expect(try stack.processID(of: "api") == api)
    }
  }

  @Test func `while Redis does not answer the API says 503, and then works again`() async throws {
    try await Stack.withModel(workers: 1) { stack, model in
      model.behaviour = .answer(text: "fine")
      try stack.signal(SIGSTOP, to: "redis")
      let response = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", "outage")])
      let health = try await stack.send("GET", "/status/health")
      try stack.signal(SIGCONT, to: "redis")
      #expect(response.status == 503)
      #expect(response.header("Retry-After") != nil)
      #expect(try response.json["detail"]?.stringValue?.contains("unknown") == true)
      #expect(health.status == 503)
      #expect(try health.json["redis"] == "unavailable")
      // The repeat with the same key is the same job, whether the first was written or not.
      let again = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", "outage")])
      #expect(again.status == 202)
      let id = try #require(try again.json["job_id"]?.stringValue)
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(model.calls.count == 1)
    }
  }

  @Test func `a killed API comes back and loses nothing`() async throws {
    try await Stack.withModel(workers: 1) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      try stack.signal(SIGKILL, to: "api")
      let gap = try await stack.send("GET", "/status/\(id)")
      if gap.status != 200 {
        #expect(gap.status == 502 && gap.header("Retry-After") == "2")
        #expect(try gap.json["detail"]?.stringValue?.contains("Idempotency-Key") == true)
      }
      model.release()
      let status = try await wait("the API") {
        let response = try await stack.send("GET", "/status/\(id)")
        return response.status == 200 ? try response.json : nil
      }
      #expect(status["job_id"] == .string(id))
      #expect(try await stack.end(of: id)["status"] == "finished")
    }
  }
}
