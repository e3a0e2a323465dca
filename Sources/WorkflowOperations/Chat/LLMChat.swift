import ExactJSON
public import Workflow
public import WorkflowLLM

/// `llm_chat`: asks a model, or the next one of a chain when that has failed, and returns its answer: a text, or a JSON
/// value of the form that the step asks for.
public struct LLMChat: Operation {
  /// The operation's name.
  public let name = "llm_chat"
  /// `prompt` or `messages`, `system`, `model`, `max_tokens`, `temperature`, `stop`, `seed`, `response_schema`,
  /// `cache_s`.
  public let parameters: ParameterSchema
  /// When failed calls are repeated.
  public let retryPolicy: RetryPolicy

  /// Calls the models; nil where there are none.
  private let calls: ModelStep?

  /// Tokens of an answer at most, where neither the step nor the operator says how many.
  private static let defaultTokens = 1_024

  /// Creates the operation.
  /// - Parameters:
  ///   - models: the configured models; nil where the operation is not executed, or there are none.
  ///   - total: how long after the start of the first call of a model another one may begin.
  ///   - limits: the limits on a step's parameters; checked at submission, and again when references are resolved.
  public init(models: ChatModels? = nil, total: Duration = .seconds(600), limits: ModelLimits = ModelLimits()) {
    parameters = Self.parameters(limits)
    retryPolicy = ModelStep.retryPolicy(total: total)
    calls = models.map { ModelStep(models: $0) }
  }

  private static func parameters(_ limits: ModelLimits) -> ParameterSchema {
    ParameterSchema(
      [
        .init("prompt", .string(), summary: "what the model is asked, in place of `messages`"),
        .init(
          "messages", .checked(.array, ChatMessages.check),
          summary: "the conversation, in place of `prompt`: objects with `role` (`system`, `user`, `assistant`) and "
            + "`content`; the last one is the user's"),
        .init("system", .string(), summary: "the instruction for the model, before all messages"),
        limits.model, limits.tokens(default: defaultTokens, of: "the answer"), limits.temperature,
        .init(
          "stop", .oneOrMore(.checked(.string(maxScalars: 1_000), stop), atMost: 4),
          summary: "a text at which the answer ends, or up to four"),
        .init("seed", .integer(.min ... .max), summary: "makes answers repeatable as far as the provider can"),
        .init(
          "response_schema", .checked(.object, schema),
          summary: "a JSON Schema (draft 2020-12) that the answer must fit; it is then returned as `json`, too"),
        ModelStep.cacheParameter,
      ], rules: [.exactlyOne(["prompt", "messages"])])
  }

  private static let stop = ParameterSchema.ValueCheck("stop") { value in
    value.stringValue?.isEmpty == true ? "a text to stop at has a character or more" : nil
  }

  private static let schema = ParameterSchema.ValueCheck("response_schema") { value in
    do throws(JSONSchema.Fault) {
      _ = try JSONSchema(value, isWritten: true)
      return nil
    } catch {
      return error.sentence
    }
  }

  /// Whether it records an answer of another form than was asked for before it asks again.
  public var recordsParts: Bool { calls != nil }

  /// Whether it calls models.
  public var callsModels: Bool { calls != nil }

  /// Returns `text`, with `response_schema` also `json`, and `provider`, `model`, `usage` and `finish_reason`.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    guard let calls else {
      throw .failed(
        StepFailure(
          .operationFailed, "this worker has no model; set WF_LLM_BASE_URL and WF_LLM_MODEL, or WF_MODELS_FILE"))
    }
    let chat = try ChatStep(invocation)
    guard let form = chat.form else {
      let (answer, provider) = try await calls.answer(invocation) { chat.request(to: $0, key: $1) }
      return .outputs(Self.outputs(answer, nil, usage: answer.usage, provider))
    }
    let question = fingerprint([chat.text, calls.chain(invocation).current?.name ?? ""])
    if let unfit = UnfitAnswer(to: question, recordedBy: invocation) {
      return .outputs(try await repair(unfit, chat, form, calls, invocation))
    }
    let (answer, provider) = try await calls.answer(invocation) { chat.request(to: $0, key: $1) }
    switch form.read(answer) {
    case .value(let value): return .outputs(Self.outputs(answer, value, usage: answer.usage, provider))
    case .unfit(let why):
      let unfit = UnfitAnswer(answer, why)
      try await unfit.record(as: question, by: invocation)
      do { return .outputs(try await repair(unfit, chat, form, calls, invocation)) } catch {
        throw error.adding(usage: answer.usage)
      }
    }
  }

  /// Asks once more, with the answer and what is wrong with it. Its text is not shown as it comes: who follows the run
  /// sees the first answer, and then the outputs.
  /// - Throws: the failure of the second call with its tokens alone, or of both answers.
  private func repair(
    _ unfit: UnfitAnswer, _ chat: ChatStep, _ form: JSONAnswer, _ calls: ModelStep, _ invocation: Invocation
  ) async throws(StepError) -> JSONObject {
    calls.chain(invocation).current?.log?.failed(
      invocation.caller,
      StepFailure(.invalidAnswer, "the answer is asked for again: \(unfit.why)"), attempt: invocation.attempt)
    let (second, provider) = try await calls.answer(invocation, part: "repair", isShown: false, waitsInPlace: true) {
      chat.request(to: $0, key: $1, repairing: unfit.text, unfit.why)
    }
    switch form.read(second) {
    case .value(let value): return Self.outputs(second, value, usage: unfit.usage.adding(second.usage), provider)
    case .unfit(let again):
      try await UnfitAnswer.forget(by: invocation)
      var details = StepFailure.Details()
      details.isTransient = false
      details.usage = second.usage
      throw .failed(
        calls.chain(invocation).naming(
          StepFailure(
            .invalidAnswer,
            "the answer does not fit response_schema: \(unfit.why); asked again, it does not either: \(again)",
            details)))
    }
  }

  /// The next model of the chain, after the failure of a call.
  public func alternative(after failure: StepFailure, _ invocation: Invocation) -> Alternative? {
    calls?.alternative(after: failure, invocation)
  }

  /// Logs that the last model has failed; there is no placeholder.
  public func fallback(after failure: StepFailure, _ invocation: Invocation) -> OperationResult? {
    let log = calls?.chain(invocation).current?.log
    log?.failed(invocation.caller, failure, isPlaceholder: false)
    return nil
  }

  private static func outputs(
    _ answer: ChatAnswer, _ value: JSONValue?, usage: JSONValue, _ provider: String
  ) -> JSONObject {
    var outputs: JSONObject = ["text": .string(answer.text)]
    if let value { outputs["json"] = value }
    outputs["provider"] = .string(provider)
    outputs["model"] = .string(answer.model)
    outputs["usage"] = usage
    outputs["finish_reason"] = answer.finishReason.map { .string($0) } ?? .null
    if answer.isCached { outputs["cached"] = true }
    return outputs
  }
}
