import Curl
import ExactJSON
import Glibc
import ModelServer
import SystemHarness
import Testing

/// Runs that ask a model: a server on a real socket that speaks OpenAI's wire, and misbehaves when told to.
@Suite struct ModelTests {
  /// A stack whose model is a server of the test's own.
  private func withModel(
    settings: [String: String] = [:], workers: Int = 1,
    _ body: @escaping @Sendable (Stack, ModelServer) async throws -> Void
  ) async throws {
    let model = try ModelServer()
    defer { model.close() }
    let own = ["WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "test-model", "WF_LLM_API_KEY": "secret-key"]
    try await Stack.with(.init(workers: workers, settings: own.merging(settings) { $1 })) { try await body($0, model) }
  }

  @Test func `the summary is the model's, and the placeholder's once the model is gone`() async throws {
    try await withModel(settings: ["WF_LLM_TOTAL_S": "1"]) { stack, model in
      model.behaviour = .answer(text: "Two sentences.")
      let status = try await stack.run(Examples.example)
      #expect(status.at("result", "outputs", "llm", "summary") == "Two sentences.")
      #expect(status.at("result", "outputs", "llm", "provider") == "openai")
      #expect(status.at("result", "stores", "summaries") == ["Two sentences."])
      let call = try #require(model.calls.first)
      let id = try #require(status["job_id"]?.stringValue)
      #expect(call.headers["authorization"] == "Bearer secret-key")
      #expect(call.headers["idempotency-key"] == "\(id)/llm")
      #expect(call.body?.objectValue?["model"] == "test-model")

      model.close()
      let after = try await stack.run(Examples.example)
      #expect(after["status"] == "finished")
      #expect(after.at("result", "outputs", "llm", "provider") == "placeholder")
      #expect(after.at("result", "outputs", "llm", "summary") == .string("Summary(64): " + Examples.text))
      let fallback = try #require(
        after["progress"]?.arrayValue?.compactMap(\.objectValue).first { $0["msg"] == "llm_fallback" })
      #expect(fallback["error_code"] == "provider_unavailable")
      #expect(!after["progress"]!.text.contains("secret-key"))
    }
  }

  @Test func `a step asks only for the models and tokens that the operator allows`() async throws {
    let settings = ["WF_LLM_MODELS": "small, other", "WF_LLM_MAX_TOKENS": "100", "WF_LLM_FALLBACK": "fail"]
    try await withModel(settings: settings) { stack, model in
      func body(_ params: JSONObject) -> JSONValue {
        [
          "run_name": "limits", "inputs": ["model": "large", "tokens": 101, "allowed": "other"],
          "steps": [["id": "s", "op": "llm_summarize", "params": .object(params)]],
        ]
      }
      for (params, setting) in [
        (["source": "a", "model": "large"], "WF_LLM_MODELS"),
        (["source": "a", "max_tokens": 101], "WF_LLM_MAX_TOKENS"),
      ] as [(JSONObject, String)] {
        let refused = try await stack.post(body(params).bytes)
        #expect(refused.status == 422)
        #expect(String(decoding: refused.body, as: UTF8.self).contains(setting))
      }
      // What a reference brings in is known to the worker only.
      for (params, setting) in [
        (["source": "a", "model": "@inputs.model"], "WF_LLM_MODELS"),
        (["source": "a", "max_tokens": "@inputs.tokens"], "WF_LLM_MAX_TOKENS"),
      ] as [(JSONObject, String)] {
        let failed = try await stack.run(body(params))
        #expect(failed["error_code"] == "operation_failed")
        #expect(failed["error"]?.stringValue?.contains(setting) == true)
      }
      #expect(model.calls.isEmpty)
      for name in ["small", "test-model", "@inputs.allowed"] {
        #expect(try await stack.run(body(["source": "a", "model": .string(name)]))["status"] == "finished")
      }
      #expect(model.calls.map { $0.body?.objectValue?["model"] } == ["small", "test-model", "other"])
    }
  }

  @Test func `429 and 500 are tried again, a refusal is not`() async throws {
    try await withModel { stack, model in
      model.script([
        .status(429, headers: [("Retry-After", "0")], body: "{}"), .status(500, headers: [], body: "oops"),
        .answer(text: "at last"),
      ])
      let status = try await stack.run(Examples.example)
      #expect(status.at("result", "outputs", "llm", "summary") == "at last")
      #expect(model.calls.count == 3)
      model.script([.status(401, headers: [], body: #"{"error":{"message":"bad key"}}"#)])
      let refused = try await stack.run(Examples.example)
      #expect(refused.at("result", "outputs", "llm", "provider") == "placeholder")
      #expect(refused["degraded"] == true && status["degraded"] == nil)
      #expect(try await stack.send("GET", "/status/health").json["fallbacks_last_hour"] == 1)
      #expect(refused["progress"]?.text.contains("provider_rejected") == true)
      #expect(refused["progress"]?.text.contains("the model answered 401") == true)
      #expect(model.calls.count == 4)
      // What the provider says is for the operator alone.
      #expect(!JSONValue.object(refused).text.contains("bad key"))
      let id = try #require(refused["job_id"]?.stringValue)
      let line = try #require(try stack.log(of: "worker-1").split(separator: "\n").first { $0.contains("bad key") })
      #expect(line.contains(id) && line.contains("llm") && line.contains("provider_rejected"))
    }
  }

  @Test func `with the fallback off, a failed model fails the run with its code`() async throws {
    try await withModel(settings: ["WF_LLM_FALLBACK": "fail"]) { stack, model in
      model.script([.answer(text: " ")])
      let status = try await stack.run(Examples.example)
      #expect(status["status"] == "failed")
      #expect(status["error_code"] == "invalid_answer")
      #expect(status["error"]?.stringValue?.hasPrefix("step llm: the model's answer has no text") == true)
      #expect(status.at("steps", "pre", "status") == "done")
      #expect(status.at("steps", "store", "status") == "pending")
    }
  }

  @Test func `steps that do not depend on each other run at the same time`() async throws {
    try await withModel { stack, model in
      model.behaviour = .hold
      let steps = (0..<20).map { number -> JSONValue in
        ["id": .string("llm\(number)"), "op": "llm_summarize", "params": ["source": "text"]]
      }
      let id = try await stack.submit(["run_name": "fan", "steps": .array(steps)])
      try await model.waitForCalls(20)
      #expect(try await stack.status(id).messages.count { $0.hasPrefix("step_start") } == 20)
      model.release()
      #expect(try await stack.end(of: id)["status"] == "finished")
    }
  }
}
