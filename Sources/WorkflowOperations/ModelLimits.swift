/// The limits on what a step may ask of the configured models. The operator pays for them, and so sets the limits.
public struct ModelLimits: Sendable, Equatable {
  /// The names that a step's `model` may have; nil for any name.
  public let models: [String]?
  /// The setting that has these names: `WF_LLM_MODELS` or `WF_MODELS_FILE`.
  public let setting: String
  /// The highest `max_tokens` that a step may have (`WF_LLM_MAX_TOKENS`), from 1 to ``mostTokens``.
  public let maxTokens: Int

  /// The highest `max_tokens` that an operator can allow.
  public static let mostTokens = 1_000_000

  /// Creates limits; without arguments the widest.
  public init(
    models: [String]? = nil, maxTokens: Int = ModelLimits.mostTokens, setting: String = "WF_LLM_MODELS"
  ) {
    self.models = models
    self.setting = setting
    self.maxTokens = maxTokens
  }
}
