import Curl
import Workflow
import WorkflowLLM
import WorkflowStore

/// Asks the models that the settings name a small question.
struct ModelCheck {
  let models: ModelSettings
  let client: HTTPClient
  /// Where the placeholders that replaced the models' words are counted.
  let partitions: Partitions

  /// What was found, also of the last hour's runs.
  func results() async -> [CheckResult] {
    guard let catalog = models.catalog else {
      return [
        .warning(
          "no model is configured: the placeholder summarizes",
          remedy: "set WF_LLM_BASE_URL and WF_LLM_MODEL, or WF_MODELS_FILE")
      ]
    }
    var results: [CheckResult] = []
    for model in catalog.models { results.append(await result(of: model)) }
    if let recent = await fallbacks() { results.append(recent) }
    return results
  }

  private func fallbacks() async -> CheckResult? {
    // Where Redis does not answer, another result says so.
    guard let count = try? await partitions.fallbacksOfLastHour(), count > 0 else { return nil }
    return .warning(
      "\(count) summaries of the last hour are the placeholder's, although a model is configured",
      remedy: "journalctl -u 'wf-worker*' -p warning says why")
  }

  private func result(of definition: ModelDefinition) async -> CheckResult {
    let name = models.isFile ? "\(definition.name), " : ""
    if let missing = models.missingKeys[definition.name] {
      return .failed(missing, remedy: "see the page Models; until then wf-worker does not start")
    }
    switch await ModelProbe(definition: definition, client: client).call().outcome {
    case .answered(let answer): return .ok("the model \(name)\(answer.model.oneLine) answers")
    case .failed(let failure):
      return .failed(
        "the model \(name.isEmpty ? "" : "\(definition.name) ")does not answer: \(failure.fullMessage)",
        remedy: models.isFile
          ? "see it in WF_MODELS_FILE, and the way to the provider; wf models test \(definition.name)"
          : "see WF_LLM_BASE_URL, WF_LLM_MODEL, WF_LLM_API_KEY and WF_LLM_CA_FILE, and the way to the provider")
    case .cancelled: return .failed("the question to the model was cancelled", remedy: "run wf doctor again")
    }
  }
}
