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
  /// When failed calls are repeated.
  public let retryPolicy: RetryPolicy
  private let log: ModelLog?

  /// The instruction that the model is given when a step has no `prompt`.
  public static let instruction = "Summarise the user's text in 2 sentences."

  /// Creates the operation.
  /// - Parameters:
  ///   - model: the configured model; nil to use the placeholder.
  ///   - fallback: how a step ends when the model has failed permanently.
  ///   - total: how long after the start of the first call another one may begin.
  ///   - limits: the limits on a step's parameters; checked at submission, and again when references are resolved.
  ///   - log: receives the reason when the model has failed.
  public init(
    model: (any ChatModel)?, fallback: Fallback = .placeholder, total: Duration = .seconds(600),
    limits: ModelLimits = ModelLimits(), log: ModelLog? = nil
  ) {
    parameters = Self.parameters(limits)
    retryPolicy = model == nil ? .none : Self.retryPolicy(total: total)
    self.log = log
    self.model = model
    self.fallback = fallback
  }

  /// A number of attempts alone never ends the calls.
  private static func retryPolicy(total: Duration) -> RetryPolicy {
    var policy = RetryPolicy()
    policy.maxAttempts = nil
    policy.delay = .milliseconds(500)
    policy.total = total
    return policy
  }

  private static func parameters(_ limits: ModelLimits) -> ParameterSchema {
    let isLimited = limits.maxTokens < ModelLimits.mostTokens
    return ParameterSchema([
      .init("source", .string(), default: "@pre.clean_text", summary: "the text to summarize"),
      .init(
        "max_tokens", .integer(1...limits.maxTokens), default: .number(JSONNumber(min(120, limits.maxTokens))),
        setting: isLimited ? "WF_LLM_MAX_TOKENS" : nil, summary: "tokens of the summary at most"),
      .init(
        "model", limits.models.map { .oneOf($0) } ?? .string(maxScalars: 200),
        setting: limits.models.map { _ in "WF_LLM_MODELS" }, summary: "the model, if not the configured one"),
      .init("temperature", .number(0...2), summary: "the temperature of the model, if not its own default"),
      .init("prompt", .string(), summary: "the instruction for the model"),
    ])
  }

  /// Whether the operation is immediate: the placeholder is, a model is not.
  public var isImmediate: Bool { model == nil }

  /// Returns `summary`, `provider`, `model` and `usage`, and `finish_reason` when a model answered.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    let source = try invocation.string("source")
    let limit = limit(invocation)
    guard let model else { return .outputs(placeholder(source, limit)) }
    do {
      let answer = try await model.complete(request(invocation, source, limit))
      var outputs = outputs(answer.text, provider: model.provider, model: answer.model, usage: answer.usage)
      outputs["finish_reason"] = answer.finishReason.map { .string($0) } ?? .null
      return .outputs(outputs)
    } catch {
      switch error {
      case .cancelled: throw .cancelled
      case .failed(let failure):
        let stepFailure = failure.stepFailure
        if failure.isTransient {
          log?.failed(job: invocation.job, step: invocation.step, stepFailure, attempt: invocation.attempt)
        }
        throw .failed(stepFailure)
      }
    }
  }

  /// The placeholder's summary, where it may replace the model's.
  public func fallback(after failure: StepFailure, _ invocation: Invocation) -> OperationResult? {
    guard model != nil, let source = invocation.params["source"]?.stringValue else { return nil }
    log?.failed(job: invocation.job, step: invocation.step, failure, isPlaceholder: fallback == .placeholder)
    guard fallback == .placeholder else { return nil }
    let note = ProgressMessage.modelFallback(step: invocation.step, failure, usage: failure.details.usage)
    return .outputs(placeholder(source, limit(invocation)), notes: [note])
  }

  private func limit(_ invocation: Invocation) -> Int { invocation.params["max_tokens"]?.numberValue?.int ?? 120 }

  private func request(_ invocation: Invocation, _ source: String, _ limit: Int) -> ChatRequest {
    let prompt = invocation.params["prompt"]?.stringValue ?? Self.instruction
    var request = ChatRequest(
      model: invocation.params["model"]?.stringValue, messages: [.init(.system, prompt), .init(.user, source)],
      maxTokens: limit, temperature: invocation.params["temperature"]?.numberValue?.double,
      idempotencyKey: invocation.idempotencyKey)
    if let earlier = invocation.earlier { request.adapt(to: earlier) }
    return request
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
