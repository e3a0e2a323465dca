import ExactJSON
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// A store that cannot be appended to fails the step that wants to, and nothing else.
@Suite struct RefusedStoreTests {
  @Test func `what other steps have returned is recorded, and the step is named`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .answer(text: "paid for")
      for prefix in stack.prefixes { _ = try await stack.command("SET", prefix + "store:mine", "not a list") }
      let status = try await stack.run([
        "run_name": "refused", "inputs": ["text": "t"],
        "steps": [
          ["id": "pre", "op": "preprocess"], ["id": "llm", "op": "llm_summarize"],
          ["id": "other", "op": "store_result", "params": ["namespace": "other"]],
          ["id": "bad", "op": "store_result", "params": ["namespace": "mine"]],
          ["id": "after", "op": "store_result", "params": ["namespace": "after", "data": "@bad.items"]],
          ["id": "call", "op": "llm_summarize", "needs": ["bad"]],
        ],
      ])
      #expect(status["status"] == "failed")
      let store = stack.key("store:mine", ofPartition: status["job_id"]?.stringValue ?? "")
      #expect(status["error"] == .string("step bad: \(store) is a string, not a list"))
      #expect(status.at("steps", "llm", "outputs", "summary") == "paid for")
      #expect(status.at("steps", "other", "status") == "done")
      #expect(status.at("steps", "bad", "status") == "failed")
      for step in ["after", "call"] { #expect(status.at("steps", step, "status") == "pending") }
      #expect(status.messages.count { $0 == "failed" } == 1)
      #expect(model.calls.count == 1)
      #expect(try await stack.total("LLEN", "store:other") == 1)
      #expect(try await stack.total("EXISTS", "store:after") == 0)
      #expect(try await stack.total("ZCARD", "leases") == 0)
    }
  }
}
