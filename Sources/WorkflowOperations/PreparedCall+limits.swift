import Workflow
import WorkflowLLM

extension ChatModels.Named {
  /// A call with the model's limits, and the most that a request may take.
  func call(_ request: ChatRequest, _ call: ModelCall) -> ModelCall {
    var call = call
    call.timeout = timeout * request.timeoutFactor
    call.callLimit = limits.concurrentCalls
    call.requestRate = limits.requestsPerMinute
    call.tokenRate = limits.tokensPerMinute
    call.tokens = request.promptBytes / 4 + request.maxTokens
    guard let prices else { return call }
    let answer = Cost(tokens: request.maxTokens, perMillion: prices.output)
    call.greatestAnswerCost = answer
    call.greatestCost = Cost(tokens: request.promptBytes, perMillion: prices.input) + answer
    return call
  }

  /// The failure of an attempt whose call may not begin; nil when it may.
  func failure(of admission: ModelAdmission, _ call: ModelCall, hasNext: Bool) -> StepFailure? {
    switch admission {
    case .admitted: return nil
    case .overspent(let budget, let left): return StepFailure(.budgetExceeded, words(for: budget, left: left, call))
    case .wait(let time, let reason, let why):
      var details = StepFailure.Details()
      (details.waitsFor, details.retryAfter) = (reason, time)
      // The next model of a chain is there for this.
      if reason == .cooldown { details.isTransient = !hasNext }
      return StepFailure(reason == .cooldown ? .providerUnavailable : .rateLimited, words(for: reason, why), details)
    }
  }

  private func words(for budget: ModelAdmission.Budget, left: Cost, _ call: ModelCall) -> String {
    let cost = (call.greatestCost ?? Cost()).text
    return switch budget {
    case .run:
      "the call could cost \(cost), and \(left.text) is left of the run's max_cost of \((call.runBudget ?? Cost()).text); "
        + "a lower max_tokens or a higher max_cost helps"
    case .day:
      "the call could cost \(cost), and \(left.text) is left of the \((call.dayBudget ?? Cost()).text) that the owner's "
        + "runs may spend today (UTC); a lower max_tokens, tomorrow, or a higher limit (cost_day of the key, "
        + "WF_MAX_COST_DAY) helps"
    }
  }

  private func words(for reason: ModelAdmission.Reason, _ why: String?) -> String {
    switch reason {
    case .cooldown:
      "the model keeps failing\(why.map { " (\($0))" } ?? ""), so no call of it begins for a while (WF_LLM_COOLDOWN_S)"
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
