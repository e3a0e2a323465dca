import Workflow

/// A model whose transient failures are retried: the one place where a model call is.
public struct RetryingChatModel: ChatModel {
  /// The next call after a timeout may take twice as long as the last, up to this many times the configured time.
  private static let widestTimeout = 4

  private let model: any ChatModel
  private let policy: RetryPolicy
  private let log: ModelLog?

  /// The provider's name, as a step's outputs show it.
  public var provider: String { model.provider }

  /// Retries a model by a policy.
  /// - Parameter log: is told of every call that will be made again.
  public init(_ model: any ChatModel, policy: RetryPolicy, log: ModelLog? = nil) {
    self.model = model
    self.policy = policy
    self.log = log
  }

  /// Calls the model until it answers, fails for good, or the policy's time is over.
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
      request.adapt(to: failure, widest: RetryingChatModel.widestTimeout)
      attempt += 1
    }
  }
}

extension ChatRequest {
  /// Prepares the next call.
  fileprivate mutating func adapt(to failure: ModelFailure, widest: Int) {
    needsFreshConnection = failure.hasDeadConnection
    if failure.code == .timeout, failure.mayBeComputed { timeoutFactor = min(widest, timeoutFactor * 2) }
  }
}

extension ModelFailure {
  /// The same, with how often and how long the model was asked, and the wait that it wanted.
  fileprivate func final(attempts: Int, elapsed: Duration) -> ModelFailure {
    var failure = self
    failure.message += "; \(attempts) \(attempts == 1 ? "call" : "calls") in \(elapsed.inSeconds)"
    if let retryAfter { failure.message += "; the provider asked for a wait of \(retryAfter.inSeconds)" }
    return failure
  }
}
