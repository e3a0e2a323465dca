import Curl
import ExactJSON
import SystemHarness
import Testing

/// LiteLLM's proxy in front of llmock. It takes minutes to install, so only `make test-litellm` runs it.
@Suite(.enabled(if: RealModels.litellm.isInstalled, "make test-litellm installs LiteLLM's proxy"))
struct LiteLLMTests {
  /// A stack whose model is one of the proxy's.
  private func withStack(
    _ url: String, model: String, key: String = "sk-proxy", _ body: @escaping @Sendable (Stack) async throws -> Void
  ) async throws {
    let settings = ["WF_LLM_BASE_URL": url, "WF_LLM_MODEL": model, "WF_LLM_API_KEY": key]
    try await Stack.with(.init(settings: settings), body)
  }

  @Test func `The proxy's waits, its refusals of parameters and its keys are understood`() async throws {
    try await RealModels.litellm.run { urls in
      let url = try #require(urls["litellm"])
      let control = LLMock(try #require(urls["llmock"]))
      try await withStack(url, model: "mock") { stack in
        _ = try await control.ask(
          "/scenario", ["behaviors": [["type": "fail", "status": 429, "retry_after": 2, "times": 2]]])
        let status = try await stack.run(Examples.example)
        #expect(status.at("result", "outputs", "llm", "provider") == "openai")
        let verdict = try await control.ask("/verdict")
        #expect(verdict["passed"] == true)
      }
      // A model for which the proxy refuses the temperature itself.
      try await withStack(url, model: "strict") { stack in
        for _ in 1...2 {
          let status = try await stack.run(Examples.example)
          #expect(status.at("result", "outputs", "llm", "provider") == "openai")
        }
        let log = try stack.log(of: "worker-1")
        #expect(log.contains("no temperature"))
      }
      try await withStack(url, model: "mock", key: "sk-wrong") { stack in
        let status = try await stack.run(Examples.example)
        #expect(status.at("result", "outputs", "llm", "provider") == "placeholder")
        #expect(status["progress"]?.text.contains("provider_rejected") == true)
      }
    }
  }
}
