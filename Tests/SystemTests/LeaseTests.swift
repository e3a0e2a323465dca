import ExactJSON
import Glibc
import Hiredis
import ModelServer
import RedisFixture
import SystemHarness
import Testing

/// Who has lost its lease writes nothing; who keeps it is left alone; a poison run condemns no other.
@Suite(.timeLimit(.minutes(3))) struct LeaseTests {
  @Test func `a worker that was paused for longer than its lease writes nothing afterwards, and says so`() async throws
  {
    try await Stack.withModel(workers: 2) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      let paused = try await stack.holder(of: id)
      try stack.signal(SIGSTOP, to: paused)
      try await model.waitForCalls(2)
      // The paused worker's call is answered too, first; it sees that only when it goes on.
      model.behaviour = .echo
      model.release()
      #expect(try await stack.end(of: id)["status"] == "finished")
      let before = try await stack.command("LRANGE", stack.key("progress", id), "0", "-1")
      try stack.signal(SIGCONT, to: paused)
      _ = try await wait("what the paused worker says") {
        let log = try stack.log(of: paused)
        return log.contains("its lease was lost; nothing more of it is written")
          || log.contains("the run is no longer this worker's") ? true : nil
      }
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      #expect(try await stack.command("LRANGE", stack.key("progress", id), "0", "-1") == before)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `a step that takes longer than many leases keeps its worker`() async throws {
    try await Stack.withModel(workers: 2, settings: ["WF_LEASE_S": "1"]) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      try await stack.passTime(5)
      model.release()
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      #expect(model.calls.count == 1)
      #expect(!status.messages.contains("resumed"))
    }
  }

  @Test func `a run whose end crosses a heartbeat is not said to be lost`() async throws {
    try await Stack.withModel(settings: ["WF_LEASE_S": "1"]) { stack, model in
      for _ in 0..<200 { _ = try await stack.submit(Examples.example) }
      try await model.waitForCalls(200)
      _ = try await wait("the end of all") { try await stack.total("ZCARD", "leases") == 0 ? true : nil }
      #expect(try !stack.log(of: "worker-1").contains("lost"))
    }
  }

  @Test func `a step of the host's clock takes no run from its worker, and stops none`() async throws {
    let clock = FakeClock()
    clock.set(.seconds(600))
    try await Stack.withModel(workers: 2, settings: clock.environment) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      for offset in [4_200, -3_600] {
        clock.set(.seconds(offset))
        try await pass(.seconds(6))
      }
      #expect(model.calls.count == 1)
      model.behaviour = .echo
      model.release()
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      #expect(model.calls.count == 2)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  /// Lets time pass by the monotonic clock.
  private func pass(_ time: Duration) async throws { try await ContinuousClock().sleep(for: time) }

  @Test func `the runs of a worker that died once run together, and after two deaths each is alone`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .hold
      var ids: [String] = []
      for number in 0..<4 { ids.append(try await stack.submit(Examples.workflow(text: "victim \(number)"))) }
      for death in 1...2 {
        try await model.waitForCalls(death * 4)
        let old = try stack.processID(of: "worker-1")
        try stack.signal(SIGKILL, to: "worker-1")
        try await stack.waitForSuccessor(of: "worker-1", after: old)
      }
      try await model.waitForCalls(9)
      let fresh = try await stack.submit(Examples.workflow(text: "fresh"))
      try await stack.passTime(2)
      #expect(model.calls.count == 9)
      model.release()
      try await model.waitForCalls(10)
      // The others have their turn between two suspects of a partition.
      let next = model.calls.last?.headers["idempotency-key"]
      #expect(next == "\(fresh)/llm" || stack.prefixes.count > 1)
      try await stack.passTime(2)
      #expect(model.calls.count == 10)
      model.behaviour = .echo
      model.release()
      for id in ids + [fresh] { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await Audit(stack).problems(of: ids + [fresh]) == [])
    }
  }

  @Test func `a poison run harms none of those that its worker had in hand`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .hold
      let poison = try await stack.submit(Examples.workflow(text: "poison"))
      var others: [String] = []
      for number in 0..<5 { others.append(try await stack.submit(Examples.workflow(text: "healthy \(number)"))) }
      for death in 1...3 {
        // All together, and again; then each alone, and the poison's call is the only one that is never answered.
        if death < 3 { try await model.waitForCalls(6 * death) } else { try await waitForCall(of: poison, model) }
        let old = try stack.processID(of: "worker-1")
        try stack.signal(SIGKILL, to: "worker-1")
        try await stack.waitForSuccessor(of: "worker-1", after: old)
      }
      model.behaviour = .echo
      model.release()
      let end = try await stack.end(of: poison)
      #expect(end["status"] == "failed" && end["error_code"] == "worker_crashed")
      for id in others { #expect(try await stack.end(of: id)["status"] == "finished") }
      let letters = try await stack.send("GET", "/status?dead=1").json["runs"]?.arrayValue
      #expect(letters?.map { $0.objectValue?["job_id"] } == [.string(poison)])
      #expect(try await Audit(stack).problems(of: others + [poison]) == [])
    }
  }

  /// Answers every call after the twelfth, until the one of a run comes.
  private func waitForCall(of run: String, _ model: ModelServer) async throws {
    var seen = 12
    _ = try await wait("the poison's call") { () -> Bool? in
      let calls = model.calls
      guard calls.count > seen else { return nil }
      seen = calls.count
      if calls.last?.headers["idempotency-key"] == "\(run)/llm" { return true }
      model.release()
      return nil
    }
  }
}
