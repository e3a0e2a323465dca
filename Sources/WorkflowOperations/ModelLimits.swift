/// The limits on what a step may ask of the configured model. The operator pays for the model, and so sets them.
public struct ModelLimits: Sendable, Equatable {
  /// The names that a step's `model` may have (`WF_LLM_MODELS`); nil for any name.
  public let models: [String]?
  /// The highest `max_tokens` that a step may have (`WF_LLM_MAX_TOKENS`), from 1 to ``mostTokens``.
  public let maxTokens: Int

  /// The highest `max_tokens` that an operator can allow.
  public static let mostTokens = 1_000_000

  /// Creates limits; without arguments the widest.
  public init(models: [String]? = nil, maxTokens: Int = ModelLimits.mostTokens) {
    self.models = models
    self.maxTokens = maxTokens
  }
}
