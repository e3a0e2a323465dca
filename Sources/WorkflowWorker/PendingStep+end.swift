import Workflow
import WorkflowOperations

extension ExecutionState.PendingStep {
  /// How a failed attempt of the step ends: it is repeated, the step continues in another way, the operation has a
  /// result all the same, or the step has failed.
  /// - Parameters:
  ///   - spent: how long it took.
  ///   - now: when it failed.
  ///   - random: a random number from 0 to 1, for the wait.
  func end(
    after failure: StepFailure, spent: Duration, at now: Timestamp, random: Double
  ) -> ExecutionState.AttemptEnd {
    let own = options.retry?.policy(over: operation.retryPolicy) ?? operation.retryPolicy
    let alternative = operation.alternative(after: failure, invocation)
    let policy = alternative?.bounding(own) ?? own
    let earlier = invocation.earlier
    if let attempts = StepAttempts(after: earlier, failure, policy, spent: spent, now: now, random: random) {
      return .repeats(attempts)
    }
    let last = final(failure, policy, spent: spent, at: now)
    if let alternative,
      let attempts = StepAttempts(goingOnWith: alternative.name, after: earlier, failure, now: now)
    {
      return .repeats(attempts, note: alternative.note(last))
    }
    return operation.fallback(after: last, invocation).map { .succeeded($0) } ?? .failed(last)
  }

  /// The failure of the last attempt, with the number of attempts where there were, or could have been, several.
  private func final(
    _ failure: StepFailure, _ policy: RetryPolicy, spent: Duration, at now: Timestamp
  ) -> StepFailure {
    let earlier = invocation.earlier
    let attempts = invocation.attempt - (earlier?.failedBefore ?? 0)
    guard attempts > 1 || policy.maxAttempts != 1 && policy.repeats(failure) else { return failure }
    return failure.final(attempts: attempts, in: earlier.map { max(.zero, now - $0.since) } ?? spent)
  }
}
