import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// Stopping loses nothing, costs no attempt and fails no request.
@Suite(.timeLimit(.minutes(3))) struct StopTests {
  /// Brings so many runs into the hand of the only worker, each with a model call under way.
  private func fill(_ stack: Stack, _ model: ModelServer, _ count: Int) async throws -> [String] {
    model.behaviour = .hold
    var ids: [String] = []
    for _ in 0..<count { ids.append(try await stack.submit(Examples.example)) }
    try await model.waitForCalls(count)
    return ids
  }

  private func conclude(_ stack: Stack, _ model: ModelServer, _ ids: [String]) async throws {
    try await model.waitForCalls(2 * ids.count)
    model.behaviour = .echo
    model.release()
    for id in ids {
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      #expect(status.messages.count { $0 == "step_start pre" } == 1)
      #expect(try await stack.crashes(of: id) == 0)
    }
    #expect(try await Audit(stack).problems(of: ids) == [])
  }

  @Test func `a stopped worker gives its 64 runs back at once, and no attempt is counted`() async throws {
    try await Stack.withModel(settings: ["WF_DRAIN_S": "0.5", "WF_LEASE_S": "600"]) { stack, model in
      let ids = try await fill(stack, model, 64)
      try stack.signal(SIGTERM, to: "worker-1")
      try await conclude(stack, model, ids)
    }
  }

  @Test func `a second SIGTERM ends a worker at once, without loss`() async throws {
    try await Stack.withModel(settings: ["WF_DRAIN_S": "600", "WF_LEASE_S": "600"]) { stack, model in
      let ids = try await fill(stack, model, 16)
      let old = try stack.processID(of: "worker-1")
      try stack.signal(SIGTERM, to: "worker-1")
      _ = try await wait("the drain") { try stack.log(of: "worker-1").contains("finishing 16 runs") ? true : nil }
      // One that comes in the same moment as the first is no second one.
      _ = try await wait("the worker's end") {
        kill(old, SIGTERM)
        return try stack.processID(of: "worker-1") != old ? true : nil
      }
      try await conclude(stack, model, ids)
    }
  }

  /// How Redis goes away.
  enum Absence: CaseIterable { case silent, gone }

  @Test(arguments: Absence.allCases)
  func `a worker that is stopped while Redis is away is gone soon after its drain time`(_ absence: Absence) async throws
  {
    try await Stack.withModel(settings: ["WF_DRAIN_S": "1"]) { stack, model in
      let ids = try await fill(stack, model, 3)
      let socket = "\(stack.folder)/redis.sock"
      switch absence {
      case .silent: try stack.signal(SIGSTOP, to: "redis")
      case .gone:
        rename(socket, socket + ".away")
        for kind in ["normal", "pubsub"] {
          _ = try await stack.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        }
      }
      let worker = try stack.processID(of: "worker-1")
      try stack.signal(SIGTERM, to: "worker-1")
      // What the calls return has to wait for Redis.
      model.release()
      // The drain time, two seconds to hand back, and three for a busy machine.
      _ = try await wait("the worker's end", within: .seconds(6)) { kill(worker, 0) != 0 ? true : nil }
      switch absence {
      case .silent: try stack.signal(SIGCONT, to: "redis")
      case .gone: rename(socket + ".away", socket)
      }
      model.behaviour = .echo
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `an API that is restarted under load fails no request`() async throws {
    try await restart(SIGTERM) { stack, _ in try await stack.submit(Examples.workflow(text: "load", namespace: "load"))
    }
  }

  @Test func `an API that is killed under load fails few requests, and each may be repeated with its key`() async throws
  {
    try await restart(SIGKILL) { stack, key in
      try await wait("an answer to \(key)") {
        let answer = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", key)])
        #expect(answer.status == 202 || (answer.status == 502 && answer.header("Retry-After") != nil))
        return try answer.json["job_id"]?.stringValue
      }
    }
  }

  /// Ends the API four times while eight clients submit runs.
  /// - Parameter submit: submits one, under a key that no other has.
  private func restart(
    _ signal: Int32, _ submit: @escaping @Sendable (Stack, _ key: String) async throws -> String
  ) async throws {
    try await Stack.withModel { stack, _ in
      let (submitted, note) = AsyncStream<Void>.makeStream()
      let isOver = Flag()
      let ids = try await withThrowingTaskGroup(of: [String].self) { group in
        for client in 0..<8 {
          group.addTask {
            var ids: [String] = []
            while !isOver.isSet {
              ids.append(try await submit(stack, "\(client)/\(ids.count)"))
              note.yield()
            }
            return ids
          }
        }
        var seen = submitted.makeAsyncIterator()
        for _ in 1...4 {
          for _ in 0..<50 { _ = await seen.next() }
          let old = try stack.processID(of: "api")
          try stack.signal(signal, to: "api")
          try await stack.waitForSuccessor(of: "api", after: old)
        }
        for _ in 0..<50 { _ = await seen.next() }
        isOver.set()
        return try await group.reduce(into: []) { $0 += $1 }
      }
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await Audit(stack).problems(of: ids) == [])
      #expect(Set(ids).count == ids.count && ids.count >= 250)
    }
  }
}
