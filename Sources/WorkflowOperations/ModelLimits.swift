/// What a step may ask of the configured model. The operator pays for it, so the operator sets it.
public struct ModelLimits: Sendable, Equatable {
  /// The names that a step's `model` may give (`WF_LLM_MODELS`); nil for any.
  public let models: [String]?
  /// The highest `max_tokens` (`WF_LLM_MAX_TOKENS`), from 1 to ``mostTokens``.
  public let maxTokens: Int

  /// The highest `max_tokens` that can be allowed.
  public static let mostTokens = 1_000_000

  /// Limits; without arguments the widest.
  public init(models: [String]? = nil, maxTokens: Int = ModelLimits.mostTokens) {
    self.models = models
    self.maxTokens = maxTokens
  }
}
