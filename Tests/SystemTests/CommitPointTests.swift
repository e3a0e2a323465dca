import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing
import WorkflowStore

/// A process dies between two effects, at each point where it can: nothing is lost, nothing done twice.
@Suite struct CommitPointTests {
  /// What kills a process when it comes to a point.
  struct Trap {
    let point: CommitPoint
    let folder = "/tmp/wf-trap-\(UInt64.random(in: .min ... .max))"
    var mark: String { folder + "/mark" }

    /// Has the next process that comes to the point die there.
    func arm() { mkdir(folder, 0o700) }

    /// Waits until a process has died.
    func sprung() async throws {
      _ = try await wait("a death at \(point)") { access(mark, F_OK) == 0 ? true : nil }
    }
  }

  /// A stack whose API or worker kills itself at a point once the trap is armed, and a model that holds its answers.
  static func withTrap(
    at point: CommitPoint, workers: Int = 1, settings: [String: String] = [:],
    _ body: @escaping @Sendable (Stack, ModelServer, Trap) async throws -> Void
  ) async throws {
    let trap = Trap(point: point)
    defer { system("rm -rf \(trap.folder)") }
    let own = ["COMMIT_POINT": point.rawValue, "COMMIT_POINT_MARK": trap.mark]
    try await Stack.withModel(workers: workers, settings: own.merging(settings) { $1 }) { stack, model in
      model.behaviour = .hold
      try await body(stack, model, trap)
      #expect(access(trap.mark, F_OK) == 0, "no process came to \(point)")
    }
  }

  @Test(arguments: [CommitPoint.beforeSubmit, .afterSubmit])
  func `a submission whose API dies is one run, or none and an error`(_ point: CommitPoint) async throws {
    try await Self.withTrap(at: point) { stack, model, trap in
      model.behaviour = .answer(text: "fine")
      trap.arm()
      // nginx may send it once more, and then the next process answers under the same id; if not, the client does.
      let id = try await wait("an accepted run") {
        let answer = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", "once")])
        #expect(answer.status == 202 || (answer.status == 502 && answer.header("Retry-After") != nil))
        return try answer.json["job_id"]?.stringValue
      }
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(try await stack.keys("job:*").count == 1)
      #expect(model.calls.count == 1)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  /// How often the model is called where a worker dies: a call that was answered but not recorded is made again.
  private static let calls: [CommitPoint: Int] = [
    .beforeClaim: 1, .afterClaim: 1, .beforeCall: 1, .afterCall: 2, .beforeRecord: 1, .afterRecord: 1, .beforeFinish: 1,
    .afterFinish: 1,
  ]

  @Test(arguments: calls.keys.sorted { $0.rawValue < $1.rawValue })
  func `a run whose worker dies goes on, and recorded steps are not run again`(_ point: CommitPoint) async throws {
    try await Self.withTrap(at: point) { stack, model, trap in
      model.behaviour = .answer(text: "fine")
      trap.arm()
      let id = try await stack.submit(Examples.example)
      try await trap.sprung()
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      #expect(model.calls.count == CommitPointTests.calls[point])
      #expect(Set(model.calls.compactMap { $0.headers["idempotency-key"] }) == ["\(id)/llm"])
      #expect(try await stack.total("LLEN", "store:summaries") == 1)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test(arguments: [CommitPoint.beforeHandBack, .afterHandBack])
  func `a stopping worker that dies while it gives a run back loses nothing`(_ point: CommitPoint) async throws {
    try await Self.withTrap(at: point, settings: ["WF_DRAIN_S": "0"]) { stack, model, trap in
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      trap.arm()
      try stack.signal(SIGTERM, to: "worker-1")
      try await trap.sprung()
      try await model.waitForCalls(2)
      model.release()
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      #expect(status.messages.count { $0 == "step_start pre" } == 1)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `a worker that dies while it takes over a dead one's runs loses nothing`() async throws {
    try await Self.withTrap(at: .afterRecovery) { stack, model, trap in
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      trap.arm()
      try stack.signal(SIGKILL, to: "worker-1")
      try await trap.sprung()
      try await model.waitForCalls(2)
      model.release()
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }
}
