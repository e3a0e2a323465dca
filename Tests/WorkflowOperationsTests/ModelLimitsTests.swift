import ExactJSON
import Testing
import Workflow
import WorkflowOperations

/// What a step may ask of the model, by the operator's settings.
@Suite struct ModelLimitsTests {
  private let operation = LLMSummarize(model: nil, limits: ModelLimits(models: ["gpt-test", "é"], maxTokens: 100))

  private func sentences(_ params: JSONObject) -> [String] {
    operation.parameters.faults(in: params, at: []).map(\.message)
  }

  @Test func `A step may ask for what is allowed`() {
    for model in ["gpt-test", "é", "@inputs.model", "@@inputs"] as [JSONValue] {
      #expect(operation.faults(["model": model]) == (model == "@@inputs" ? ["model: literal_error"] : []))
    }
    #expect(operation.faults(["max_tokens": 100]).isEmpty)
    #expect(operation.parameters.fillingDefaults([:])["max_tokens"] == 100)
  }

  @Test(arguments: ["gpt-4", "", "GPT-TEST", "gpt-test ", "e\u{301}"] as [JSONValue])
  func `Another model is refused, and the setting is named`(model: JSONValue) {
    #expect(sentences(["model": model]) == ["Input should be 'gpt-test' or 'é' (WF_LLM_MODELS)"])
    #expect(operation.faults(["model": 1]) == ["model: string_type"])
  }

  @Test func `More tokens are refused, and the setting is named`() {
    #expect(sentences(["max_tokens": 101]) == ["Value error, Input should be from 1 to 100 (WF_LLM_MAX_TOKENS)"])
  }

  @Test func `What a reference brings in is checked too`() {
    func sentence(_ params: JSONObject) -> String? {
      let failure = #expect(throws: StepFailure.self) { try operation.parameters.check(resolved: params) }
      return failure?.message
    }
    #expect(
      sentence(["model": "gpt-4"]) == #"model: Input should be 'gpt-test' or 'é' (WF_LLM_MODELS); it is "gpt-4""#)
    #expect(
      sentence(["max_tokens": 101])
        == "max_tokens: Value error, Input should be from 1 to 100 (WF_LLM_MAX_TOKENS); it is 101")
  }
}
