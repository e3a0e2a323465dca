import ExactJSON
import Glibc
import Hiredis
import ModelServer
import RedisFixture
import SystemHarness
import Testing
import WorkflowStore

/// Steps that run once per item, on the whole stack.
@Suite struct ForeachStackTests {
  /// A run whose step `map` asks the model about each of a number of items.
  private func body(_ items: Int, _ more: JSONObject = [:]) -> JSONValue {
    var step: JSONObject = [
      "id": "map", "op": "llm_summarize", "foreach": "@inputs.items", "params": ["source": "text {{item}}"],
    ]
    for member in more.members { step[member.key] = member.value }
    let numbers = (0..<items).map { JSONValue.number(JSONNumber($0)) }
    return ["run_name": "map", "inputs": ["items": .array(numbers)], "steps": [.object(step)]]
  }

  private func summaries(_ status: JSONObject, of step: String = "map") -> [JSONValue?] {
    (status.at("result", "outputs", step, "items")?.arrayValue ?? []).map { $0.objectValue?["summary"] }
  }

  @Test func `A step runs once per item, and its outputs are in the order of the items`() async throws {
    let stack = try await SharedStack.get()
    let status = try await stack.run(body(25, ["concurrency": 3]))
    #expect(status["status"] == "finished")
    #expect(summaries(status) == (0..<25).map { .string("Summary(\("text \($0)".utf8.count)): text \($0)") })
    #expect(status.messages.count { $0 == "step_start map" } == 1)
  }

  @Test func `Calls for items are bounded, carry keys of their own, and are counted in the status`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(body(6, ["concurrency": 4]))
      try await model.waitForCalls(4)
      #expect(Set(model.calls.compactMap { $0.headers["idempotency-key"] }) == Set((0..<4).map { "\(id)/map/\($0)" }))
      model.behaviour = .answer(text: "fine")
      model.release()
      let status = try await stack.end(of: id)
      #expect(model.calls.count == 6 && summaries(status).count == 6 && summaries(status).allSatisfy { $0 != nil })
      #expect(status.at("steps", "map", "items", "total") == 6)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `Failures of items are kept or fail the step, as it says`() async throws {
    let stack = try await SharedStack.get()
    let items: JSONValue = ["a", 1, "c"]
    func steps(_ more: String) throws -> JSONValue {
      try JSONValue(
        parsing: #"[{"id":"m","op":"llm_summarize","foreach":"@inputs.items","params":{"source":"@item"}\#(more)}]"#)
    }
    let kept = try await stack.run(
      ["run_name": "r", "inputs": ["items": items], "steps": try steps(#","on_item_error":"keep""#)])
    #expect(kept["status"] == "finished")
    #expect(summaries(kept, of: "m") == ["Summary(1): a", nil, "Summary(1): c"])
    let error = kept.at("result", "outputs", "m", "errors")?.arrayValue?.first?.objectValue
    #expect(error?["item"] == 1 && error?["error_code"] == "operation_failed")
    let failed = try await stack.run(["run_name": "r", "inputs": ["items": items], "steps": try steps("")])
    #expect(failed["error_code"] == "operation_failed")
    #expect(failed["error"]?.stringValue?.hasPrefix("step m: item 1: ") == true)
  }

  @Test func `Each item's value is stored once, with its position`() async throws {
    let stack = try await SharedStack.get()
    let namespace = "items-\(UInt64.random(in: .min ... .max))"
    let steps: JSONValue = [
      [
        "id": "s", "op": "store_result", "foreach": ["x", "@inputs.y"],
        "params": ["namespace": .string(namespace), "data": "@item"],
      ]
    ]
    let id = try await stack.submit(["run_name": "r", "inputs": ["y": ["z": 1]], "steps": steps])
    let status = try await stack.end(of: id)
    #expect(status.at("result", "stores", namespace) == ["x", ["z": 1]])
    let stored = try await stack.list("store:\(namespace)").map { try JSONValue(parsing: $0) }
    #expect(
      stored == [
        ["job_id": .string(id), "step": "s", "item": 0, "data": "x"],
        ["job_id": .string(id), "step": "s", "item": 1, "data": ["z": 1]],
      ])
  }

  @Test func `A worker that dies again and again pays no recorded item twice`() async throws {
    try await Stack.withModel { stack, model in
      func answers(_ count: Int) -> [ModelServer.Behaviour] { Array(repeating: .answer(text: "fine"), count: count) }
      // Some calls are answered, and the two after them wait until the worker is dead.
      let portions = [5, 15, 20]
      model.behaviour = .hold
      model.script(answers(portions[0]))
      let id = try await stack.submit(body(60, ["concurrency": 2]))
      var calls = 0
      for (death, portion) in portions.enumerated() {
        calls += portion + 2
        try await model.waitForCalls(calls)
        // For the next worker: this one calls no more.
        if death + 1 < portions.count {
          model.script(answers(portions[death + 1]))
        } else {
          model.behaviour = .answer(text: "fine")
        }
        let process = try stack.processID(of: "worker-1")
        try stack.signal(SIGKILL, to: "worker-1")
        try await stack.waitForSuccessor(of: "worker-1", after: process)
      }
      let status = try await stack.end(of: id)
      #expect(summaries(status) == Array(repeating: "fine", count: 60))
      // What was in flight at a death is called again.
      #expect(model.calls.count <= 60 + 4 * portions.count)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  private static let points: [CommitPoint] = [.beforeCall, .afterCall, .beforeRecord, .afterRecord, .beforeFinish]

  @Test(arguments: points)
  func `A worker's death at any point leaves each item done once`(_ point: CommitPoint) async throws {
    try await CommitPointTests.withTrap(at: point) { stack, model, trap in
      model.behaviour = .answer(text: "fine")
      trap.arm()
      let id = try await stack.submit(body(5, ["concurrency": 1]))
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished" && summaries(status).count == 5)
      #expect(model.calls.count <= 6)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `An item waits for its retry without a worker`() async throws {
    try await Stack.withModel { stack, model in
      model.script([.answer(text: "fine"), .status(429, headers: [("Retry-After", "1")])])
      model.behaviour = .answer(text: "fine")
      let status = try await stack.run(body(3, ["concurrency": 1]))
      #expect(status["status"] == "finished" && model.calls.count == 4)
      let retry = status.at("steps", "map", "retries")?.arrayValue?.first?.objectValue
      #expect(retry?["item"] == 1 && retry?["error_code"] == "rate_limited")
      #expect(status.messages.contains("resumed"))
    }
  }

  @Test func `Too many items and too large outputs are told by their limits`() async throws {
    let settings = ["WF_MAX_ITEMS": "50", "WF_MAX_OUTPUT_BYTES": "20000"]
    try await Stack.with(.init(settings: settings)) { stack in
      let many = try await stack.run(body(51))
      #expect(many["error"]?.stringValue?.hasSuffix("a step may have 50 (WF_MAX_ITEMS)") == true)
      let text = String(repeating: "x", count: 1_000)
      let large = try await stack.run(body(50, ["params": ["source": .string(text), "max_tokens": 1_000]]))
      #expect(large["error_code"] == "output_too_large")
      #expect(large["error"]?.stringValue?.contains("WF_MAX_OUTPUT_BYTES") == true)
      let fitting = try await stack.run(body(10, ["params": ["source": .string(text), "max_tokens": 1_000]]))
      #expect(fitting["status"] == "finished")
    }
  }

  @Test func `A long document is summarized by map and reduce, whatever becomes of the worker`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .answer(text: "part")
      let sentence = "The fjord is deep and the mountains are steep. "
      let text = String(repeating: sentence, count: 500_000 / sentence.utf8.count)
      guard case .object(var workflow) = Examples.mapReduce else { return }
      workflow["inputs"] = ["text": .string(text)]
      let id = try await stack.submit(.object(workflow))
      try await model.waitForCalls(20)
      let process = try stack.processID(of: "worker-1")
      try stack.signal(SIGKILL, to: "worker-1")
      try await stack.waitForSuccessor(of: "worker-1", after: process)
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      let chunks = try #require(status.at("result", "outputs", "split", "count")?.numberValue?.int)
      let calls = Dictionary(grouping: model.calls.compactMap { $0.headers["idempotency-key"] }) { $0 }
      #expect(calls.count == chunks + 1)
      // What was in flight at the death is asked again, and nothing else.
      #expect(calls.values.count { $0.count > 1 } <= 10 && calls.values.allSatisfy { $0.count <= 2 })
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }
}
