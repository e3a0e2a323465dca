import ExactJSON
public import Workflow
public import WorkflowLLM

/// `llm_summarize`: summarises a text with a model, with the next one of a chain when that has failed, or with the
/// placeholder when there is no model or all have failed.
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

  /// Calls the models; nil where there are none.
  private let calls: ModelStep?
  private let fallback: Fallback
  /// When failed calls are repeated.
  public let retryPolicy: RetryPolicy

  /// The instruction that the model is given when a step has no `prompt`.
  public static let instruction = "Summarise the user's text in 2 sentences."

  /// Creates the operation.
  /// - Parameters:
  ///   - models: the configured models; nil to use the placeholder.
  ///   - fallback: how a step ends when its models have failed permanently.
  ///   - total: how long after the start of the first call of a model another one may begin.
  ///   - limits: the limits on a step's parameters; checked at submission, and again when references are resolved.
  public init(
    models: ChatModels?, fallback: Fallback = .placeholder, total: Duration = .seconds(600),
    limits: ModelLimits = ModelLimits()
  ) {
    parameters = Self.parameters(limits)
    retryPolicy = models == nil ? .none : ModelStep.retryPolicy(total: total)
    calls = models.map { ModelStep(models: $0) }
    self.fallback = fallback
  }

  /// Creates the operation with one model; nil to use the placeholder.
  public init(
    model: (any ChatModel)?, fallback: Fallback = .placeholder, limits: ModelLimits = ModelLimits()
  ) {
    self.init(models: model.map { ChatModels($0) }, fallback: fallback, limits: limits)
  }

  private static func parameters(_ limits: ModelLimits) -> ParameterSchema {
    ParameterSchema([
      .init("source", .string(), default: "@pre.clean_text", summary: "the text to summarize"),
      limits.tokens(default: 120, of: "the summary"), limits.model, limits.temperature,
      .init("prompt", .string(), summary: "the instruction for the model"),
    ])
  }

  /// Whether the operation is immediate: the placeholder is, a model is not.
  public var isImmediate: Bool { calls == nil }

  /// Returns `summary`, `provider`, `model` and `usage`, and `finish_reason` when a model answered.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    let source = try invocation.string("source")
    let limit = limit(invocation)
    guard let calls else { return .outputs(placeholder(source, limit)) }
    let (answer, provider) = try await calls.answer(invocation) {
      request(invocation, source, limit, $0, key: $1)
    }
    var outputs = outputs(answer.text, provider: provider, model: answer.model, usage: answer.usage)
    outputs["finish_reason"] = answer.finishReason.map { .string($0) } ?? .null
    return .outputs(outputs)
  }

  /// The next model of the chain, after the failure of a call.
  public func alternative(after failure: StepFailure, _ invocation: Invocation) -> Alternative? {
    calls?.alternative(after: failure, invocation)
  }

  /// The placeholder's summary, where it may replace the model's.
  public func fallback(after failure: StepFailure, _ invocation: Invocation) -> OperationResult? {
    guard let calls, let source = invocation.params["source"]?.stringValue else { return nil }
    let log = calls.chain(invocation).current?.log
    log?.failed(job: invocation.job, step: invocation.step, failure, isPlaceholder: fallback == .placeholder)
    guard fallback == .placeholder else { return nil }
    let note = ProgressMessage.modelFallback(step: invocation.step, failure, usage: failure.details.usage)
    return .outputs(placeholder(source, limit(invocation)), notes: [note])
  }

  private func limit(_ invocation: Invocation) -> Int { invocation.params["max_tokens"]?.numberValue?.int ?? 120 }

  private func request(
    _ invocation: Invocation, _ source: String, _ limit: Int, _ named: ChatModels.Named, key: String
  ) -> ChatRequest {
    let prompt = invocation.params["prompt"]?.stringValue ?? Self.instruction
    return ChatRequest(
      model: named.requestedModel, messages: [.init(.system, prompt), .init(.user, source)],
      maxTokens: min(limit, named.maxTokens ?? limit),
      temperature: invocation.params["temperature"]?.numberValue?.double, idempotencyKey: key)
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
