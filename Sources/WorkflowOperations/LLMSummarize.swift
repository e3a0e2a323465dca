import ExactJSON
public import Workflow
public import WorkflowLLM

/// `llm_summarize`: summarises a text with a model, or with the placeholder when there is no model or the model has
/// failed.
public struct LLMSummarize: Operation {
  /// How a step ends when the configured model has failed permanently.
  public enum Fallback: String, Sendable, CaseIterable {
    /// The step returns the placeholder's summary, marked as such.
    case placeholder
    /// The step fails.
    case fail
  }

  /// The operation's name.
  public let name = "llm_summarize"
  /// `source`, `max_tokens`, and overrides of the model's defaults: `model`, `temperature`, `prompt`.
  public let parameters: ParameterSchema

  private let model: (any ChatModel)?
  private let fallback: Fallback
  private let log: ModelLog?

  /// The instruction that the model is given when a step has no `prompt`.
  public static let instruction = "Summarise the user's text in 2 sentences."

  /// Creates the operation.
  /// - Parameters:
  ///   - model: the configured model; nil to use the placeholder.
  ///   - fallback: how a step ends when the model has failed permanently.
  ///   - limits: the limits on a step's parameters; checked at submission, and again when references are resolved.
  ///   - log: receives the reason when the model has failed.
  public init(
    model: (any ChatModel)?, fallback: Fallback = .placeholder, limits: ModelLimits = ModelLimits(),
    log: ModelLog? = nil
  ) {
    parameters = Self.parameters(limits)
    self.log = log
    self.model = model
    self.fallback = fallback
  }

  private static func parameters(_ limits: ModelLimits) -> ParameterSchema {
    let isLimited = limits.maxTokens < ModelLimits.mostTokens
    return ParameterSchema([
      .init("source", .string(), default: "@pre.clean_text"),
      .init(
        "max_tokens", .integer(1...limits.maxTokens), default: .number(JSONNumber(min(120, limits.maxTokens))),
        setting: isLimited ? "WF_LLM_MAX_TOKENS" : nil),
      .init(
        "model", limits.models.map { .oneOf($0) } ?? .string(maxScalars: 200),
        setting: limits.models.map { _ in "WF_LLM_MODELS" }),
      .init("temperature", .number(0...2)),
      .init("prompt", .string()),
    ])
  }

  /// Whether the operation is immediate: the placeholder is, a model is not.
  public var isImmediate: Bool { model == nil }

  /// Returns `summary`, `provider`, `model` and `usage`, and `finish_reason` when a model answered.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    let source = try invocation.string("source")
    let limit = invocation.params["max_tokens"]?.numberValue?.int ?? 120
    guard let model else { return .outputs(placeholder(source, limit)) }
    do {
      let answer = try await model.complete(request(invocation, source, limit), pause: invocation.pause)
      var outputs = outputs(answer.text, provider: model.provider, model: answer.model, usage: answer.usage)
      outputs["finish_reason"] = answer.finishReason.map { .string($0) } ?? .null
      return .outputs(outputs)
    } catch {
      switch error {
      case .cancelled: throw .cancelled
      case .failed(let failure):
        try report(failure, of: invocation)
        let note = ProgressMessage.modelFallback(step: invocation.step, failure.stepFailure, usage: failure.usage)
        return .outputs(placeholder(source, limit), notes: [note])
      }
    }
  }

  /// Logs why the model failed.
  /// - Throws: the failure, when the placeholder may not replace the model.
  private func report(_ failure: ModelFailure, of invocation: Invocation) throws(StepError) {
    log?.failed(job: invocation.job, step: invocation.step, failure, isPlaceholder: fallback == .placeholder)
    if fallback == .fail { throw .failed(failure.stepFailure) }
  }

  private func request(_ invocation: Invocation, _ source: String, _ limit: Int) -> ChatRequest {
    let prompt = invocation.params["prompt"]?.stringValue ?? Self.instruction
    return ChatRequest(
      model: invocation.params["model"]?.stringValue, messages: [.init(.system, prompt), .init(.user, source)],
      maxTokens: limit, temperature: invocation.params["temperature"]?.numberValue?.double,
      idempotencyKey: invocation.idempotencyKey)
  }

  private func placeholder(_ source: String, _ limit: Int) -> JSONObject {
    let summary = PlaceholderSummarizer.summary(of: source, limit: limit)
    return outputs(
      summary, provider: PlaceholderSummarizer.provider, model: PlaceholderSummarizer.provider, usage: .null)
  }

  private func outputs(_ summary: String, provider: String, model: String, usage: JSONValue) -> JSONObject {
    JSONObject([
      ("summary", .string(summary)), ("provider", .string(provider)), ("model", .string(model)), ("usage", usage),
    ])
  }
}
