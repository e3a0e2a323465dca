import Testing
import Workflow
import WorkflowLLM

@Suite struct RetryPolicyTests {
  private let policy = RetryPolicy(firstDelay: .seconds(1), maxDelay: .seconds(5), total: .seconds(100))

  private func delay(
    _ attempt: Int = 1, retryAfter: Duration? = nil, elapsed: Duration = .zero, random: Double = 1,
    spent: Duration = .seconds(3), mayBeComputed: Bool = false
  ) -> Duration? {
    var failure = ModelFailure(.rateLimited, "later", isTransient: true, retryAfter: retryAfter)
    failure.mayBeComputed = mayBeComputed
    return policy.delay(afterAttempt: attempt, failure, spent: spent, elapsed: elapsed, random: random)
  }

  @Test func `The wait doubles up to the longest, and no number of attempts ends it`() {
    #expect([1, 2, 3, 4, 5, 1_000, 1_000_000].map { delay($0) } == [1, 2, 4, 5, 5, 5, 5].map { .seconds($0) })
  }

  @Test func `Any part of the wait may fall to chance`() {
    #expect(delay(3, random: 0) == .zero)
    #expect(delay(3, random: 0.5) == .seconds(2))
  }

  @Test func `The provider's word is the least wait, with up to a quarter of it on top`() {
    #expect(delay(4, retryAfter: .seconds(40), random: 0) == .seconds(40))
    #expect(delay(4, retryAfter: .seconds(40), random: 0.5) == .seconds(45))
    #expect(delay(4, retryAfter: .seconds(40), random: 1) == .seconds(50))
    #expect(delay(4, retryAfter: .zero, random: 1) == .seconds(5))
    #expect(delay(1_000, retryAfter: .seconds(1), random: 1) == .seconds(5))
  }

  @Test func `After a call that may still be computed the wait is as long as the call was`() {
    #expect(delay(random: 0, spent: .seconds(60), mayBeComputed: true) == .seconds(60))
    #expect(delay(random: 1, spent: .seconds(60), mayBeComputed: true) == .seconds(75))
    #expect(delay(random: 0, spent: .seconds(60)) == .zero)
  }

  @Test func `The total alone ends the tries, and the last wait is cut to it`() {
    #expect(delay(3, elapsed: .seconds(99)) == .seconds(1))
    #expect(delay(elapsed: .seconds(100)) == nil)
    #expect(delay(elapsed: .seconds(200), random: 0) == nil)
    #expect(delay(retryAfter: .seconds(40), elapsed: .seconds(60), random: 0) == nil)
    #expect(delay(retryAfter: .seconds(40), elapsed: .seconds(59), random: 1) == .seconds(41))
    #expect(delay(retryAfter: .seconds(86_400)) == nil)
    #expect(delay(spent: .seconds(100), mayBeComputed: true) == nil)
  }

  @Test func `By default the wait grows to half a minute`() {
    #expect(RetryPolicy().maxDelay == .seconds(30))
    #expect(RetryPolicy().total == .seconds(600))
  }
}
