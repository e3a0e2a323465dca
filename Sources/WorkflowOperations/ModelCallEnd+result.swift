import ExactJSON
import Workflow
import WorkflowLLM

extension ModelCallEnd {
  /// The end of a call by its result.
  init(
    _ result: Result<ChatAnswer, ModelError>, of call: ModelCall, _ prices: ModelDefinition.Prices?, took: Duration
  ) {
    let (outcome, tokens, charge): (Outcome, TokenUsage, ModelFailure.Charge) =
      switch result {
      case .success(let answer): (.answered, answer.tokens, .counted)
      // Nothing says how far it had come.
      case .failure(.cancelled): (.aborted, TokenUsage(), .unfinished)
      case .failure(.failed(let failure)): (Outcome(failure.code), failure.tokens, failure.charge)
      }
    var usage = ModelUsage()
    usage.calls = 1
    (usage.input, usage.cachedInput) = (tokens.input ?? 0, tokens.cachedInput ?? 0)
    (usage.output, usage.reasoning) = (tokens.output ?? 0, tokens.reasoning ?? 0)
    if let prices { (usage.cost, usage.isEstimate) = prices.cost(tokens, charge, of: call) }
    self.init(outcome, usage: usage, took: took)
    if case .failure(.failed(let failure)) = result { self.failure = failure.message.cut(toBytes: 300) }
  }
}

extension ModelCallEnd.Outcome {
  /// What a failure says of the model.
  fileprivate init(_ code: ErrorCode) {
    self =
      switch code {
      case .rateLimited: .limited
      case .timeout, .providerUnavailable: .broken
      default: .refused
      }
  }
}

extension ModelDefinition.Prices {
  /// What a call has cost, and whether a part of that is the most that it may have cost, because nothing says what it
  /// did.
  fileprivate func cost(
    _ tokens: TokenUsage, _ charge: ModelFailure.Charge, of call: ModelCall
  ) -> (Cost, isEstimate: Bool) {
    if charge == .none { return (Cost(), false) }
    let greatestAnswer = call.greatestAnswerCost ?? Cost()
    let greatestPrompt = Cost(billionths: (call.greatestCost ?? Cost()).billionths - greatestAnswer.billionths)
    let prompt = tokens.input.map { cost(prompt: $0, cached: tokens.cachedInput ?? 0) }
    // A server that does not count says 0 of both.
    let isCounted = charge == .counted && (tokens.output ?? 0 > 0 || tokens.input != nil)
    let answer = isCounted ? tokens.output.map { Cost(tokens: $0, perMillion: output) } : nil
    return ((prompt ?? greatestPrompt) + (answer ?? greatestAnswer), prompt == nil || answer == nil)
  }

  private func cost(prompt: Int, cached: Int) -> Cost {
    Cost(tokens: max(0, prompt - cached), perMillion: input) + Cost(tokens: cached, perMillion: cachedInput ?? input)
  }
}
