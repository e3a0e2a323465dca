import Workflow
import WorkflowLLM

/// Asks the model that the settings name a small question.
struct ModelExamination {
  let model: (any ChatModel)?

  /// What was found.
  func finding() async -> Finding {
    guard let model else {
      return .doubtful(
        "no model is configured: the placeholder summarizes", remedy: "set WF_LLM_BASE_URL and WF_LLM_MODEL")
    }
    let question = ChatRequest(
      messages: [.init(.user, "Answer with one word: ready?")], maxTokens: 8, temperature: 0,
      idempotencyKey: "wf-doctor")
    do {
      return .fine("the model \(try await model.complete(question).model) answers")
    } catch .failed(let failure) {
      return .broken(
        "the model does not answer: \(failure.fullMessage)",
        remedy: "see WF_LLM_BASE_URL, WF_LLM_MODEL and WF_LLM_API_KEY, and the way to the provider")
    } catch {
      return .broken("the question to the model was cancelled", remedy: "run wf doctor again")
    }
  }
}
