import ExactJSON
import ModelServer
import SystemHarness
import Testing

/// Calls that wait, and what runs say of it.
extension ModelLimitTests {
  @Test func `When a call ends, the run that came next begins at once, and has waited once`() async throws {
    try await withModel(#","limits":{"concurrent":1}"#, workers: 1) { stack, model in
      // By that estimate each would wait for thirty seconds.
      _ = try await stack.command("HSET", stack.modelKey("m"), "took", "30000")
      model.behaviour = .hold
      let first = try await stack.submit(body())
      try await model.waitForCalls(1)
      var ids = [first]
      for _ in 0..<3 {
        let id = try await stack.submit(body())
        ids.append(id)
        _ = try await wait("\(id) to wait") {
          try await stack.status(id).at("steps", "s0", "status") == "waiting" ? true : nil
        }
      }
      for number in 2...4 {
        model.release()
        try await model.waitForCalls(number)
      }
      model.release()
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(model.calls.compactMap { $0.headers["idempotency-key"] } == ids.map { "\($0)/s0" })
      for id in ids.dropFirst() {
        let status = try await stack.status(id)
        let waits = entries("step_retry", status)
        #expect(waits.count == 1)
        let (end, due) = (status["finished_ts"]?.numberValue?.double, waits.first?["retry_at"]?.numberValue?.double)
        #expect(try #require(end) < #require(due), "it did not wait for its estimate")
      }
    }
  }

  @Test func `A run that fails because a model is left alone says how the model failed`() async throws {
    try await withModel("", settings: ["WF_LLM_COOLDOWN_S": "30", "WF_LLM_TOTAL_S": "3"]) { stack, model in
      model.behaviour = Self.down
      let ids = try await (0..<6).asyncMap { _ in try await stack.submit(body()) }
      var errors: [String] = []
      for id in ids { errors.append(try await stack.end(of: id)["error"]?.stringValue ?? "") }
      #expect(errors.allSatisfy { $0.contains("the model answered 500") }, "\(errors)")
      #expect(errors.contains { $0.contains("keeps failing") && !$0.contains("the service asked") }, "\(errors)")
      #expect(!errors.contains { $0.contains("the service asked") })
    }
  }
}
