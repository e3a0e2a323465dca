import ExactJSON
import Glibc
import ModelServer
import SystemHarness
import Testing

/// A run of many paid calls, whose worker dies again and again.
@Suite(.timeLimit(.minutes(3))) struct SummaryCrashTests {
  private static let steps = 20
  private static let kills = 10

  private static let body: JSONValue = [
    "run_name": "twenty",
    "steps": .array(
      (0..<steps).map { index in
        var step: JSONObject = [
          "id": .string("s\(index)"), "op": "llm_summarize", "params": ["source": .string("text \(index)")],
        ]
        if index > 0 { step["needs"] = [.string("s\(index - 1)")] }
        return .object(step)
      }),
  ]

  @Test func `Twenty summaries are paid once each, but for calls that were under way at ten deaths`() async throws {
    try await Stack.withModel(settings: ["WF_LEASE_S": "1"]) { stack, model in
      model.behaviour = .hold
      // Each death comes after another checkpoint: as many as there are, in the midst of a call or right before one.
      let deaths = Set((1..<Self.steps).shuffled().prefix(Self.kills))
      let id = try await stack.submit(Self.body)
      var underWay = 0
      for step in 1...Self.steps {
        try await model.waitForCalls(step + underWay)
        model.release()
        _ = try await wait("\(step) recorded steps") {
          try await stack.status(id)["progress"]?.arrayValue?.count { $0.objectValue?["msg"] == "step_done" } ?? 0
            >= step
            ? true : nil
        }
        guard deaths.contains(step) else { continue }
        if Bool.random() { try await model.waitForCalls(step + underWay + 1) }
        let process = try stack.processID(of: "worker-1")
        try stack.signal(SIGKILL, to: "worker-1")
        try await stack.waitForSuccessor(of: "worker-1", after: process)
        if model.calls.count > step + underWay { underWay += 1 }
      }
      #expect(try await stack.end(of: id)["status"] == "finished")
      let keys = model.calls.compactMap { $0.headers["idempotency-key"] }
      #expect(keys.count == model.calls.count)
      #expect(keys.count == Self.steps + underWay)
      #expect(Set(keys) == Set((0..<Self.steps).map { "\(id)/s\($0)" }))
      // A step that was recorded is never called again: the calls of each step come together.
      let order = keys.enumerated().filter { index, key in index == 0 || keys[index - 1] != key }.map(\.element)
      #expect(order.count == Self.steps)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }
}
