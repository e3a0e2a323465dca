import ExactJSON
import Synchronization
import Workflow
import WorkflowLLM

/// A call of a model that a step is about to make.
///
/// It is a class, so that what a call needs is in memory once, and not again in the frame of each function that waits
/// for the answer: a worker may wait for thousands of them. For the same reason functions that compute are not inlined
/// into those that wait.
final class PreparedCall: Sendable {
  private let named: ChatModels.Named
  private let model: any ChatModel
  private let request: ChatRequest
  private let chain: ModelStep.Chain
  private let invocation: Invocation
  private let onText: (@Sendable (String) -> Void)?
  /// When the first text of the answer came.
  private let firstText = Mutex<ContinuousClock.Instant?>(nil)
  /// Counts and limits the call; nil where nothing does.
  private let counted: Counted?

  /// The answer of a model, and the model's provider.
  typealias Answer = (answer: ChatAnswer, provider: String)

  /// A call that is counted.
  private struct Counted: Sendable {
    let call: ModelCall
    let account: any ModelAccount
    /// For how long its answer is kept; 0 for no time.
    let cacheSeconds: Int
  }

  /// Prepares a call.
  /// - Parameters:
  ///   - part: names the call where an attempt makes several.
  ///   - onText: gets the text as it comes; nil where the call is not shown.
  @inline(never)
  init(
    _ named: ChatModels.Named, of chain: ModelStep.Chain, _ request: ChatRequest, _ invocation: Invocation,
    part: String?, waitsInPlace: Bool, onText: (@Sendable (String) -> Void)?
  ) {
    self.named = named
    model = named.model
    self.chain = chain
    self.request = request
    self.invocation = invocation
    self.onText = onText
    counted = invocation.account.map { account in
      var call = named.call(request, account.call(of: named.name, part: part))
      // Any other name is one that a step gives.
      if named.requestedModel != nil { call.countedAs = "other" }
      call.waitsInPlace = waitsInPlace
      let seconds = invocation.params[ModelStep.cacheParameter.name]?.numberValue?.int ?? 0
      return Counted(call: call, account: account, cacheSeconds: seconds)
    }
  }

  /// Makes the call under the limits and budgets that all workers share, unless the answer to the same question is
  /// kept.
  /// - Throws: the failure of the step's attempt, which names the model where there are several.
  @inline(never)
  func answer() async throws(StepError) -> Answer {
    if let kept = await keptAnswer() { return (kept, model.provider) }
    try await admit()
    return (try answer(of: await result()), model.provider)
  }

  @inline(never)
  private func keptAnswer() async -> ChatAnswer? {
    guard let counted, counted.cacheSeconds > 0, let kept = await counted.account.answer(to: question),
      let answer = ChatAnswer(kept: kept)
    else { return nil }
    onText?(answer.text)
    return answer
  }

  @inline(never)
  private func admit() async throws(StepError) {
    guard let counted else { return }
    if counted.call.lacksPrice {
      let limit = counted.call.runBudget != nil ? "the run's max_cost" : "the owner's limit a day"
      throw failed(StepFailure(.budgetExceeded, "no price of the model is known, and \(limit) needs one (prices)"))
    }
    try check(try await counted.account.admit(counted.call), counted.call)
  }

  @inline(never)
  private func check(_ admission: ModelAdmission, _ call: ModelCall) throws(StepError) {
    if let failure = named.failure(of: admission, call, hasNext: chain.next != nil) { throw failed(failure) }
  }

  private func failed(_ failure: StepFailure) -> StepError { .failed(chain.naming(failure)) }

  /// Calls the model, records the end of the call, and keeps the answer.
  @inline(never)
  private func result() async -> Result<ChatAnswer, ModelError> {
    let began = ContinuousClock.now
    let result = await called()
    await settle(result, since: began)
    return result
  }

  @inline(never)
  private func settle(_ result: Result<ChatAnswer, ModelError>, since began: ContinuousClock.Instant) async {
    guard let counted else { return }
    var end = ModelCallEnd(result, of: counted.call, named.prices, took: .now - began)
    end.firstText = firstText.withLock { $0 }.map { $0 - began }
    await counted.account.end(counted.call, end)
    if counted.cacheSeconds > 0, case .success(let answer) = result {
      await counted.account.keep(answer.kept, to: question, seconds: counted.cacheSeconds)
    }
  }

  @inline(never)
  private func called() async -> Result<ChatAnswer, ModelError> {
    do throws(ModelError) { return .success(try await answered()) } catch { return .failure(error) }
  }

  @inline(never)
  private func answered() async throws(ModelError) -> ChatAnswer {
    guard let onText else { return try await model.complete(request) }
    return try await model.complete(request) { [self] text in
      firstText.withLock { if $0 == nil { $0 = .now } }
      onText(text)
    }
  }

  private var question: [UInt8] { request.question(to: named) }

  @inline(never)
  private func answer(of result: Result<ChatAnswer, ModelError>) throws(StepError) -> ChatAnswer {
    switch result {
    case .success(let answer): return answer
    case .failure(.cancelled): throw .cancelled
    case .failure(.failed(let failure)):
      let stepFailure = chain.naming(failure.stepFailure)
      // What the last model says for good is logged with what follows from it.
      if failure.isTransient || chain.next != nil {
        named.log?.failed(invocation.caller, stepFailure, attempt: invocation.attempt)
      }
      throw .failed(stepFailure)
    }
  }
}

extension ModelCall {
  /// Whether a budget limits the call, whose cost is not known.
  fileprivate var lacksPrice: Bool { greatestCost == nil && (runBudget != nil || dayBudget != nil) }
}
