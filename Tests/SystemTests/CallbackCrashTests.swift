import Curl
import ExactJSON
import Glibc
import ModelServer
import SystemHarness
import Testing
import WorkflowStore

/// Callbacks while workers and Redis die: each is delivered at least once, always with the same id.
@Suite(.timeLimit(.minutes(3))) struct CallbackCrashTests {
  /// How often a receiver is called where a worker dies.
  private static let calls: [CommitPoint: Int] = [
    .beforeFinish: 1, .afterFinish: 1, .beforeCallback: 1, .afterCallback: 2,
  ]

  @Test(arguments: calls.keys.sorted { $0.rawValue < $1.rawValue })
  func `A worker that dies between a run's end and the delivery loses no callback`(_ point: CommitPoint) async throws {
    let trap = CommitPointTests.Trap(point: point)
    defer { system("rm -rf \(trap.folder)") }
    let settings = [
      "COMMIT_POINT": point.rawValue, "COMMIT_POINT_MARK": trap.mark, "WF_LEASE_S": "2", "WF_CALLBACK_TIMEOUT_S": "1",
    ]
    try await CallbackReceiver.with(settings: settings) { receiver in
      trap.arm()
      let id = try await receiver.stack.submit(receiver.body())
      try await trap.sprung()
      // A lease of a callback is the timeout and 15 s.
      try await receiver.callback(id, is: "delivered")
      #expect(receiver.calls.count == Self.calls[point])
      #expect(Set(receiver.calls.map { $0.headers["webhook-id"] }) == [id])
      #expect(try await receiver.stack.end(of: id)["status"] == "finished")
      #expect(try await Audit(receiver.stack).problems(of: [id]) == [])
    }
  }

  @Test func `A worker that is killed while it sends is followed by another one`() async throws {
    try await CallbackReceiver.with(workers: 2, settings: ["WF_LEASE_S": "2"]) { receiver in
      receiver.server.script([.hold])
      let id = try await receiver.stack.submit(receiver.body())
      try await receiver.server.waitForCalls(1)
      for part in ["worker-1", "worker-2"] { try receiver.stack.signal(SIGKILL, to: part) }
      #expect(try await receiver.callback(id)?["state"] == "sending")
      #expect(try await receiver.stack.send("POST", "/workflow/callbacks/\(id)/retry").status == 409)
      try await receiver.hasten(id)
      let found = try await receiver.callback(id, is: "delivered")
      #expect(found["attempts"] == 2 && receiver.calls.count == 2)
      #expect(try await Audit(receiver.stack).problems(of: [id]) == [])
    }
  }

  @Test func `A worker that stops gives back what it is sending, and the attempt does not count`() async throws {
    try await CallbackReceiver.with(settings: ["WF_DRAIN_S": "0"]) { receiver in
      receiver.server.script([.hold])
      let id = try await receiver.stack.submit(receiver.body())
      try await receiver.server.waitForCalls(1)
      try receiver.stack.signal(SIGTERM, to: "worker-1")
      try await receiver.server.waitForDisconnect()
      let found = try await receiver.callback(id, is: "delivered", within: .seconds(12))
      #expect(found["attempts"] == 1 && receiver.calls.count == 2)
    }
  }

  @Test func `What was sent while Redis was away is recorded, or sent again`() async throws {
    try await CallbackReceiver.with(redis: ["appendfsync always"]) { receiver in
      let stack = receiver.stack
      receiver.server.script([.hold])
      let id = try await stack.submit(receiver.body())
      try await receiver.server.waitForCalls(1)
      let old = try stack.processID(of: "redis")
      try stack.signal(SIGKILL, to: "redis")
      receiver.server.release()
      try await stack.waitForSuccessor(of: "redis", after: old)
      // The held call is answered by 404.
      _ = try await wait("the outcome") {
        let found = try? await receiver.callback(id)
        return found?["last_status"] == 404 || found?["state"] == "delivered" ? found : nil
      }
      try await receiver.hasten(id)
      try await receiver.callback(id, is: "delivered")
      #expect(Set(receiver.calls.map { $0.headers["webhook-id"] }) == [id])
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `50 callbacks survive the death of all workers and of Redis`() async throws {
    let settings = ["WF_LEASE_S": "2", "WF_CALLBACK_TIMEOUT_S": "1"]
    try await CallbackReceiver.with(workers: 2, settings: settings, redis: ["appendfsync always"]) { receiver in
      let stack = receiver.stack
      receiver.server.behaviour = .hold
      let ids = try await concurrently(Array(0..<50)) { _ in try await stack.submit(receiver.body()) }
      try await receiver.server.waitForCalls(1)
      for part in ["worker-1", "worker-2"] { try stack.signal(SIGKILL, to: part) }
      let old = try stack.processID(of: "redis")
      try stack.signal(SIGKILL, to: "redis")
      try await stack.waitForSuccessor(of: "redis", after: old)
      receiver.server.behaviour = .status(200)
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      for id in ids {
        if try await receiver.callback(id)?["state"] != "delivered" { try await receiver.hasten(id) }
      }
      for id in ids { try await receiver.callback(id, is: "delivered") }
      #expect(Set(receiver.calls.compactMap { $0.headers["webhook-id"] }) == Set(ids))
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }
}
