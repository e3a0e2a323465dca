import ExactJSON
import Tracing
import Workflow
import WorkflowLLM

/// What operations that call a model have in common: which model of a chain is called, its call, and what follows from
/// a failure.
struct ModelStep: Sendable {
  /// The configured models.
  let models: ChatModels

  /// Calls the model of the chain that is its turn; whoever follows the run sees its text as it comes.
  /// - Parameters:
  ///   - part: names the call where an attempt makes several; each has another key.
  ///   - isShown: whether those who follow the run see the text: only one call of an attempt may be shown.
  ///   - waitsInPlace: whether it waits for its turn within the attempt, which has paid for what it would lose.
  ///   - request: makes the request for the model, with the key of the call.
  /// - Throws: the failure of the step's attempt, which names the model where there are several.
  func answer(
    _ invocation: Invocation, part: String? = nil, isShown: Bool = true, waitsInPlace: Bool = false,
    to request: (_ model: ChatModels.Named, _ key: String) -> ChatRequest
  ) async throws(StepError) -> (answer: ChatAnswer, provider: String) {
    let chain = chain(invocation)
    guard let named = chain.current else {
      throw .failed(StepFailure(.operationFailed, "model: this worker has none of the models that the step names"))
    }
    var request = request(named, idempotencyKey(invocation, named, part: part))
    if let earlier = invocation.earlier { request.adapt(to: earlier) }
    request.trace = invocation.trace?.child("chat", named.name, part ?? "")
    let result: Result<ChatAnswer, ModelError>
    do throws(StepError) {
      result = try await call(
        named, request, part: part, invocation, hasNext: chain.next != nil, waitsInPlace: waitsInPlace,
        isShown ? invocation.onText : nil)
    } catch {
      guard case .failed(let failure) = error else { throw error }
      throw .failed(chain.naming(failure))
    }
    switch result {
    case .success(let answer): return (answer, named.model.provider)
    case .failure(.cancelled): throw .cancelled
    case .failure(.failed(let failure)):
      let stepFailure = chain.naming(failure.stepFailure)
      // What the last model says for good is logged with what follows from it.
      if failure.isTransient || chain.next != nil {
        named.log?.failed(job: invocation.job, step: invocation.step, stepFailure, attempt: invocation.attempt)
      }
      throw .failed(stepFailure)
    }
  }

  private func call(
    _ named: ChatModels.Named, _ request: ChatRequest, part: String?, _ invocation: Invocation, hasNext: Bool,
    waitsInPlace: Bool, _ onText: (@Sendable (String) -> Void)?
  ) async throws(StepError) -> Result<ChatAnswer, ModelError> {
    guard let account = invocation.account else {
      return await complete(request, with: named.model, onText)
    }
    return try await call(
      named, request, part: part, invocation, account, hasNext: hasNext, waitsInPlace: waitsInPlace, onText)
  }

  func complete(
    _ request: ChatRequest, with model: any ChatModel, _ onText: (@Sendable (String) -> Void)?
  ) async -> Result<ChatAnswer, ModelError> {
    do throws(ModelError) {
      guard let onText else { return .success(try await model.complete(request)) }
      return .success(try await model.complete(request, onText: onText))
    } catch {
      return .failure(error)
    }
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
