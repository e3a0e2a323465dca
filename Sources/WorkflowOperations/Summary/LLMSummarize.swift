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
  /// `source`, `max_tokens`, `model`, `temperature`, `prompt`, or `sentences` and `language`; `chunk_tokens`.
  public let parameters: ParameterSchema

  /// Calls the models; nil where there are none.
  private let calls: ModelStep?
  private let fallback: Fallback
  /// When failed calls are repeated.
  public let retryPolicy: RetryPolicy

  /// The instruction that the model is given when a step says nothing else.
  public static let instruction = SummaryRequest(JSONObject()).instruction

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
    ParameterSchema(
      [
        .init("source", .string(), default: "@pre.clean_text", summary: "the text to summarize"),
        limits.tokens(default: 120, of: "the summary"), limits.model, limits.temperature,
        .init("prompt", .string(), summary: "the instruction for the model"),
        .init("sentences", .integer(1...100), summary: "how many sentences are asked for, where there is no `prompt`"),
        .init("language", .string(maxScalars: 100), summary: "the language of the summary, where there is no `prompt`"),
        .init(
          "chunk_tokens", .integer(250...1_000_000_000),
          summary: "tokens of text in one call at most; a longer source is summarized in parts"),
        ModelStep.cacheParameter,
      ],
      rules: [
        .atMostOne(["prompt", "sentences"]), .atMostOne(["prompt", "language"]),
        .less("max_tokens", than: "chunk_tokens"),
      ])
  }

  /// Whether the operation is immediate: the placeholder is, a model is not.
  public var isImmediate: Bool { calls == nil }

  /// Whether it calls models: the placeholder calls none.
  public var callsModels: Bool { calls != nil }

  /// Whether it records the summaries of parts: a model may have a source that is longer than its context.
  public var recordsParts: Bool { calls != nil }

  /// Returns `summary`, `provider`, `model` and `usage`, `finish_reason` when a model answered, and `parts` where the
  /// source was summarised in parts.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    let source = try invocation.string("source")
    let request = SummaryRequest(invocation.params)
    guard let calls else { return .outputs(placeholder(source, request.limit)) }
    let shortened = try await shortened(source, request, calls, invocation)
    let note = shortened == nil ? nil : MapReduce.finalNote
    let answer: ChatAnswer
    let provider: String
    do {
      (answer, provider) = try await calls.answer(invocation) {
        request.request(to: $0, key: $1, shortened?.text ?? source, note: note)
      }
    } catch {
      throw shortened.map { error.adding(usage: $0.usage) } ?? error
    }
    return .outputs(outputs(answer, provider, shortened))
  }

  @inline(never)
  private func outputs(_ answer: ChatAnswer, _ provider: String, _ shortened: MapReduce.Outcome?) -> JSONObject {
    let usage = shortened?.usage.adding(answer.usage) ?? answer.usage
    var outputs = outputs(answer.text, provider: provider, model: answer.model, usage: usage)
    outputs["finish_reason"] = answer.finishReason.map { .string($0) } ?? .null
    if answer.isCached { outputs["cached"] = true }
    if let shortened { outputs["parts"] = .number(JSONNumber(shortened.parts)) }
    return outputs
  }

  /// The summaries of the parts of a source that is too long for one call; nil for one that is not.
  @inline(never)
  private func shortened(
    _ source: String, _ request: SummaryRequest, _ calls: ModelStep, _ invocation: Invocation
  ) async throws(StepError) -> MapReduce.Outcome? {
    guard let model = calls.chain(invocation).current, let room = request.room(of: model),
      TokenEstimate(source).tokens > room
    else { return nil }
    let limit = request.limit(of: model)
    guard room >= 2 * limit else {
      // Another model of the chain may have the room.
      throw .failed(
        calls.chain(invocation).naming(
          StepFailure(
            .providerRejected,
            "the text is too long for one call, and a part may have \(max(0, room)) tokens, less than two summaries of "
              + "\(limit); lower max_tokens, or raise chunk_tokens")))
    }
    return try await MapReduce(calls: calls, invocation: invocation, request: request, room: room).outcome(of: source)
  }

  /// The next model of the chain, after the failure of a call.
  public func alternative(after failure: StepFailure, _ invocation: Invocation) -> Alternative? {
    calls?.alternative(after: failure, invocation)
  }

  /// The placeholder's summary, where it may replace the model's.
  public func fallback(after failure: StepFailure, _ invocation: Invocation) -> OperationResult? {
    guard let calls, let source = invocation.params["source"]?.stringValue else { return nil }
    let log = calls.chain(invocation).current?.log
    log?.failed(invocation.caller, failure, isPlaceholder: fallback == .placeholder)
    guard fallback == .placeholder else { return nil }
    let note = ProgressMessage.modelFallback(step: invocation.step, failure, usage: failure.details.usage)
    return .outputs(placeholder(source, SummaryRequest(invocation.params).limit), notes: [note])
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
