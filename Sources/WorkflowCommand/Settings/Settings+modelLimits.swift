import WorkflowOperations
import WorkflowLLM

extension Settings {
  /// The tokens that a step may ask for where a model is configured and no setting says how many: enough for reasoning
  /// and a long summary, and a bound on what one call costs.
  private static let defaultMaxTokens = 32_768

  /// What a step may ask of the models.
  ///
  /// A process without a model does not know what others may spend: an API on another host than the workers leaves the
  /// check to them.
  static func modelLimits(_ reader: inout SettingsReader, _ models: ModelSettings) -> ModelLimits {
    let maxTokens = reader.integer(
      "WF_LLM_MAX_TOKENS", default: models.catalog == nil ? ModelLimits.mostTokens : defaultMaxTokens,
      in: 1...ModelLimits.mostTokens)
    let list = reader.text("WF_LLM_MODELS")
    if models.isFile {
      let names = models.catalog?.models.map(\.name)
      return ModelLimits(models: names, maxTokens: maxTokens, setting: "WF_MODELS_FILE")
    }
    let configured = models.catalog?.defaultChain.first
    guard let list else {
      return ModelLimits(models: configured.map { [$0] }, maxTokens: maxTokens)
    }
    if list == "*" { return ModelLimits(maxTokens: maxTokens) }
    let names = list.split(separator: ",", omittingEmptySubsequences: false).map { name in
      String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
    if names.contains(where: \.isEmpty) {
      let shown = SettingsReader.excerpt(list)
      reader.refuse("WF_LLM_MODELS", "WF_LLM_MODELS=\(shown): names separated by commas are expected, or * for any")
    }
    let others = names.filter { $0 != configured }
    return ModelLimits(models: (configured.map { [$0] } ?? []) + others, maxTokens: maxTokens)
  }
}
