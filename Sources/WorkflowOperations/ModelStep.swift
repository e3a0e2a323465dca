import ExactJSON
import Tracing
import Workflow
import WorkflowLLM

extension Invocation {
  /// Whom a model is called for.
  var caller: ModelCaller { ModelCaller(job: job, step: step, request: request, trace: trace?.context) }
}

/// What operations that call a model have in common: which model of a chain is called, its call, and what follows from
/// a failure.
struct ModelStep: Sendable {
  /// The configured models.
  let models: ChatModels

  /// Calls the model of the chain that is its turn; clients that follow the run see its text as it comes.
  /// - Parameters:
  ///   - part: names the call where an attempt makes several; each has another key.
  ///   - isShown: whether those who follow the run see the text: only one call of an attempt may be shown.
  ///   - waitsInPlace: whether it waits for its turn within the attempt, which has paid for what it would lose.
  ///   - request: makes the request for the model, with the key of the call.
  /// - Throws: the failure of the step's attempt, which names the model where there are several.
  func answer(
    _ invocation: Invocation, part: String? = nil, isShown: Bool = true, waitsInPlace: Bool = false,
    to request: (_ model: ChatModels.Named, _ key: String) -> ChatRequest
  ) async throws(StepError) -> PreparedCall.Answer {
    try await prepared(invocation, part, isShown, waitsInPlace, request).answer()
  }

  // Not inlined: what it computes would be part of the frames of tasks that wait for an answer.
  @inline(never)
  private func prepared(
    _ invocation: Invocation, _ part: String?, _ isShown: Bool, _ waitsInPlace: Bool,
    _ request: (_ model: ChatModels.Named, _ key: String) -> ChatRequest
  ) throws(StepError) -> PreparedCall {
    let chain = chain(invocation)
    guard let named = chain.current else {
      throw .failed(StepFailure(.operationFailed, "model: this worker has none of the models that the step names"))
    }
    var request = request(named, idempotencyKey(invocation, named, part: part))
    if let earlier = invocation.earlier { request.adapt(to: earlier) }
    request.trace = invocation.trace?.child("chat", named.name, part ?? "")
    return PreparedCall(
      named, of: chain, request, invocation, part: part, waitsInPlace: waitsInPlace,
      onText: isShown ? invocation.onText : nil)
  }

  /// When failed calls are repeated. A number of attempts alone never ends the calls.
  /// - Parameter total: how long after the start of the first call of a model another one may begin.
  static func retryPolicy(total: Duration) -> RetryPolicy {
    var policy = RetryPolicy()
    policy.maxAttempts = nil
    policy.delay = .milliseconds(500)
    policy.total = total
    return policy
  }
}
