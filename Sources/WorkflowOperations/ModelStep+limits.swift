import Synchronization
import Workflow
import WorkflowLLM

extension ModelStep {
  /// Makes a call under the limits and budgets that all workers share.
  func call(
    _ named: ChatModels.Named, _ request: ChatRequest, part: String?, _ account: any ModelAccount, hasNext: Bool,
    waitsInPlace: Bool, _ onText: (@Sendable (String) -> Void)?
  ) async throws(StepError) -> Result<ChatAnswer, ModelError> {
    var call = named.call(request, account.call(of: named.name, part: part))
    // Any other name is one that a step gives.
    if named.requestedModel != nil { call.countedAs = "other" }
    call.waitsInPlace = waitsInPlace
    if call.greatestCost == nil, call.runBudget != nil || call.dayBudget != nil {
      let limit = call.runBudget != nil ? "the run's max_cost" : "the owner's limit a day"
      throw .failed(StepFailure(.budgetExceeded, "no price of the model is known, and \(limit) needs one (prices)"))
    }
    if let failure = named.failure(of: try await account.admit(call), hasNext: hasNext) { throw .failed(failure) }
    let began = ContinuousClock.now
    let first = FirstText()
    let onText = onText.map { onText -> @Sendable (String) -> Void in
      { text in
        first.note()
        onText(text)
      }
    }
    let result = await complete(request, with: named.model, onText)
    var end = ModelCallEnd(result, of: call, named.prices, took: .now - began)
    end.firstText = first.time.map { $0 - began }
    await account.end(call, end)
    return result
  }
}

/// When the first text of an answer came.
private final class FirstText: Sendable {
  private let noted = Mutex<ContinuousClock.Instant?>(nil)

  var time: ContinuousClock.Instant? { noted.withLock { $0 } }

  func note() { noted.withLock { if $0 == nil { $0 = .now } } }
}

extension ChatModels.Named {
  /// A call with the model's limits, and the most that a request may take.
  fileprivate func call(_ request: ChatRequest, _ call: ModelCall) -> ModelCall {
    var call = call
    call.timeout = timeout * request.timeoutFactor
    call.callLimit = limits.concurrentCalls
    call.requestRate = limits.requestsPerMinute
    call.tokenRate = limits.tokensPerMinute
    call.tokens = request.promptBytes / 4 + request.maxTokens
    call.greatestCost = prices.map { prices in
      Cost(tokens: request.promptBytes, perMillion: prices.input)
        + Cost(tokens: request.maxTokens, perMillion: prices.output)
    }
    return call
  }

  /// The failure of an attempt whose call may not begin; nil when it may.
  fileprivate func failure(of admission: ModelAdmission, hasNext: Bool) -> StepFailure? {
    switch admission {
    case .admitted: return nil
    case .overspent(.run):
      return StepFailure(.budgetExceeded, "the call could cost more than is left of the run's max_cost")
    case .overspent(.day):
      return StepFailure(
        .budgetExceeded, "the call could cost more than is left of what the owner's runs may spend today (UTC)")
    case .wait(let time, let reason):
      var details = StepFailure.Details()
      (details.waitsFor, details.retryAfter) = (reason, time)
      // The next model of a chain is there for this.
      if reason == .cooldown { details.isTransient = !hasNext }
      return StepFailure(reason == .cooldown ? .providerUnavailable : .rateLimited, words(for: reason), details)
    }
  }

  private func words(for reason: ModelAdmission.Reason) -> String {
    switch reason {
    case .cooldown: "the model keeps failing, so it is left alone for a while"
    case .requests: "waits for its turn: \(limits.requestsPerMinute ?? 0) calls a minute (requests_min)"
    case .tokens: "waits for its turn: \(limits.tokensPerMinute ?? 0) tokens a minute (tokens_min)"
    case .calls: "waits for its turn: \(limits.concurrentCalls ?? 0) calls at the same time (concurrent)"
    case .budget: "waits for the cost of calls under way, which may leave enough to be spent"
    }
  }
}

extension ChatRequest {
  /// Bytes of the prompt, with some for each message: no prompt has more tokens than bytes.
  fileprivate var promptBytes: Int { messages.reduce(16) { $0 + $1.content.utf8.count + 16 } }
}

extension ModelCallEnd {
  /// The end of a call by its result.
  fileprivate init(
    _ result: Result<ChatAnswer, ModelError>, of call: ModelCall, _ prices: ModelDefinition.Prices?, took: Duration
  ) {
    let outcome: Outcome
    var usage: ModelUsage
    var mayHaveCost = true
    switch result {
    case .success(let answer): (outcome, usage) = (.answered, ModelUsage(answer.tokens, prices))
    case .failure(.cancelled): (outcome, usage) = (.aborted, ModelUsage(TokenUsage(), prices))
    case .failure(.failed(let failure)):
      usage = ModelUsage(failure.tokens, prices)
      mayHaveCost = failure.mayBeComputed
      outcome =
        switch failure.code {
        case .rateLimited: .limited
        case .timeout, .providerUnavailable: .broken
        default: .refused
        }
    }
    if let greatest = call.greatestCost, usage.cost == nil {
      (usage.cost, usage.isEstimate) = mayHaveCost ? (greatest, true) : (Cost(), false)
    }
    self.init(outcome, usage: usage, took: took)
  }
}

extension ModelUsage {
  /// One call that has used these tokens; without a cost where they are not known.
  fileprivate init(_ tokens: TokenUsage, _ prices: ModelDefinition.Prices?) {
    self.init()
    calls = 1
    (input, cachedInput) = (tokens.input ?? 0, tokens.cachedInput ?? 0)
    (output, reasoning) = (tokens.output ?? 0, tokens.reasoning ?? 0)
    guard let prices, tokens.input != nil, tokens.output != nil else { return }
    cost =
      Cost(tokens: max(0, input - cachedInput), perMillion: prices.input)
      + Cost(tokens: cachedInput, perMillion: prices.cachedInput ?? prices.input)
      + Cost(tokens: output, perMillion: prices.output)
  }
}
