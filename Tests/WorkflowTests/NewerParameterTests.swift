import ExactJSON
import Testing

@testable import Workflow

/// Parameters that a worker of an older version would pass over.
@Suite struct NewerParameterTests {
  private func requirements(_ op: String, _ params: JSONObject) -> Set<String> {
    let step = StepDefinition(id: "a", op: op, needs: [], params: params)
    return WorkflowDefinition(runName: "r", inputs: [:], steps: [step]).requirements
  }

  @Test func `A run that has one is for workers that know it`() {
    #expect(requirements("llm_summarize", ["source": "x", "prompt": "y"]) == ["llm_summarize"])
    #expect(
      requirements("llm_summarize", ["source": "x", "sentences": 1, "chunk_tokens": 300])
        == ["llm_summarize", "field:llm_summarize.sentences", "field:llm_summarize.chunk_tokens"])
    #expect(requirements("other", ["language": "en"]) == ["other"])
    let known = StepDefinition.newerSummaryParameters.map { "field:llm_summarize.\($0)" }
    #expect(WorkflowDefinition.newerFields.isSuperset(of: known))
  }
}
