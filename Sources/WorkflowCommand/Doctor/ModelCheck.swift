import Workflow
import WorkflowLLM
import WorkflowOperations
import WorkflowStore

/// Asks the model that the settings name a small question.
struct ModelCheck {
  let model: (any ChatModel)?
  /// Where the placeholders that stood in for the model's words are counted.
  let partitions: Partitions

  /// What was found, also of the last hour's runs.
  func results() async -> [CheckResult] {
    let recent = model == nil ? nil : await fallbacks()
    return [await result()] + [recent].compactMap(\.self)
  }

  private func fallbacks() async -> CheckResult? {
    // Where Redis does not answer, another result says so.
    guard let count = try? await partitions.fallbacksOfLastHour(), count > 0 else { return nil }
    return .warning(
      "\(count) summaries of the last hour are the placeholder's, although a model is configured",
      remedy: "journalctl -u 'wf-worker*' -p warning says why")
  }

  /// What was found.
  private func result() async -> CheckResult {
    guard let model else {
      return .warning(
        "no model is configured: the placeholder summarizes", remedy: "set WF_LLM_BASE_URL and WF_LLM_MODEL")
    }
    // As runs ask, with room for a model that reasons first.
    let question = ChatRequest(
      messages: [.init(.system, LLMSummarize.instruction), .init(.user, "A fjord is a narrow inlet of the sea.")],
      maxTokens: 512, idempotencyKey: "wf-doctor")
    do {
      return .ok("the model \(try await model.complete(question).model) answers")
    } catch .failed(let failure) {
      return .failed(
        "the model does not answer: \(failure.fullMessage)",
        remedy: "see WF_LLM_BASE_URL, WF_LLM_MODEL, WF_LLM_API_KEY and WF_LLM_CA_FILE, and the way to the provider")
    } catch {
      return .failed("the question to the model was cancelled", remedy: "run wf doctor again")
    }
  }
}
