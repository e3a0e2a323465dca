import Workflow

/// Retries the transient failures of a model. No other type retries model calls.
public struct RetryingChatModel: ChatModel {
  /// The largest factor of the configured timeout, which doubles after each timeout.
  private static let widestTimeout = 4

  private let model: any ChatModel
  private let policy: RetryPolicy
  private let log: ModelLog?

  /// The provider's name, as shown in a step's outputs.
  public var provider: String { model.provider }

  /// Creates a model that retries another one by a policy.
  /// - Parameter log: logs every failed call that will be retried.
  public init(_ model: any ChatModel, policy: RetryPolicy, log: ModelLog? = nil) {
    self.model = model
    self.policy = policy
    self.log = log
  }

  /// Calls the model until it answers, fails permanently, or the time of the policy has passed.
  public func complete(_ request: ChatRequest, pause: Pause) async throws(ModelError) -> ChatAnswer {
    let start = ContinuousClock.now
    var request = request
    var attempt = 1
    while true {
      let began = ContinuousClock.now
      let failure: ModelFailure
      do {
        return try await model.complete(request, pause: pause)
      } catch .failed(let last) {
        failure = last
      } catch {
        throw error
      }
      let now = ContinuousClock.now
      guard failure.isTransient else { throw .failed(failure) }
      guard
        let delay = policy.delay(
          afterAttempt: attempt, failure, spent: now - began, elapsed: now - start, random: .random(in: 0...1))
      else { throw .failed(failure.final(attempts: attempt, elapsed: now - start)) }
      log?.retrying(request.idempotencyKey, failure, attempt: attempt, delay: delay)
      do { try await pause(delay) } catch { throw .cancelled }
      request.adapt(to: failure, widest: Self.widestTimeout)
      attempt += 1
    }
  }
}

extension ChatRequest {
  /// Adapts the next call to the failure of the last one.
  fileprivate mutating func adapt(to failure: ModelFailure, widest: Int) {
    needsFreshConnection = failure.hasDeadConnection
    if failure.code == .timeout, failure.mayBeComputed { timeoutFactor = min(widest, timeoutFactor * 2) }
  }
}

extension ModelFailure {
  /// The failure, with the number of calls, their time, and the wait that the provider asked for.
  fileprivate func final(attempts: Int, elapsed: Duration) -> ModelFailure {
    var failure = self
    failure.message += "; \(attempts) \(attempts == 1 ? "call" : "calls") in \(elapsed.inSeconds)"
    if let retryAfter { failure.message += "; the provider asked for a wait of \(retryAfter.inSeconds)" }
    return failure
  }
}
