import ExactJSON
import Workflow
import WorkflowLLM

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

/// The parameters of operations that call a model.
extension ModelLimits {
  /// `model`.
  var model: ParameterSchema.Parameter {
    .init(
      "model", .oneOrMore(models.map { .oneOf($0) } ?? .string(maxScalars: 200), atMost: ModelCatalog.longestChain),
      setting: models.map { _ in setting },
      summary: "the model, if not the configured one; or several, of which the next is called when one has failed")
  }

  /// `max_tokens`.
  func tokens(default tokens: Int, of what: String) -> ParameterSchema.Parameter {
    .init(
      "max_tokens", .integer(1...maxTokens), default: .number(JSONNumber(min(tokens, maxTokens))),
      setting: maxTokens < ModelLimits.mostTokens ? "WF_LLM_MAX_TOKENS" : nil, summary: "tokens of \(what) at most")
  }

  /// `temperature`.
  var temperature: ParameterSchema.Parameter {
    .init("temperature", .number(0...2), summary: "the temperature of the model, if not its own default")
  }
}
