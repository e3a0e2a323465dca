/// A model whose transient failures are retried: the one place where a model call is.
public struct RetryingChatModel: ChatModel {
  private let model: any ChatModel
  private let policy: RetryPolicy

  /// The provider's name, as a step's outputs show it.
  public var provider: String { model.provider }

  /// Retries a model by a policy.
  public init(_ model: any ChatModel, policy: RetryPolicy) {
    self.model = model
    self.policy = policy
  }

  /// Calls the model until it answers, fails for good, or the policy gives up.
  public func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
    let start = ContinuousClock.now
    var attempt = 1
    while true {
      let error: ModelError
      do {
        return try await model.complete(request)
      } catch let failure {
        error = failure
      }
      guard case .failed(_, isTransient: true, let retryAfter) = error,
        let delay = policy.delay(
          afterAttempt: attempt, retryAfter: retryAfter, elapsed: .now - start, random: .random(in: 0...1))
      else { throw error }
      do { try await Task.sleep(for: delay) } catch { throw .cancelled }
      attempt += 1
    }
  }
}
