import Testing
import WorkflowLLM

@Suite struct RetryPolicyTests {
  private let policy = RetryPolicy(
    maxAttempts: 6, firstDelay: .seconds(1), maxDelay: .seconds(5), total: .seconds(100))

  private func delay(
    _ attempt: Int = 1, retryAfter: Duration? = nil, elapsed: Duration = .zero, random: Double = 1
  ) -> Duration? {
    policy.delay(afterAttempt: attempt, retryAfter: retryAfter, elapsed: elapsed, random: random)
  }

  @Test func `The wait doubles up to the longest, until the attempts are used up`() {
    #expect((1...7).map { delay($0) } == [1, 2, 4, 5, 5, nil, nil].map { $0.map { .seconds($0) } })
  }

  @Test func `Any part of the wait may fall to chance`() {
    #expect(delay(3, random: 0) == .zero)
    #expect(delay(3, random: 0.5) == .seconds(2))
  }

  @Test func `The provider's word counts beyond the longest wait, with a first delay of jitter at most`() {
    #expect(delay(4, retryAfter: .seconds(30), random: 0) == .seconds(30))
    #expect(delay(4, retryAfter: .seconds(30), random: 1) == .seconds(31))
    #expect(delay(4, retryAfter: .zero, random: 0.5) == .milliseconds(500))
    #expect(delay(6, retryAfter: .zero) == nil)
  }

  @Test func `No wait ends after the total`() {
    #expect(delay(elapsed: .seconds(98)) == .seconds(1))
    #expect(delay(elapsed: .seconds(99)) == nil)
    #expect(delay(elapsed: .seconds(99), random: 0) == .zero)
    #expect(delay(retryAfter: .seconds(40), elapsed: .seconds(60), random: 0) == nil)
    #expect(delay(retryAfter: .seconds(86_400)) == nil)
  }

  @Test func `One attempt means no other`() {
    #expect(RetryPolicy(maxAttempts: 1).delay(afterAttempt: 1, retryAfter: nil, elapsed: .zero, random: 0) == nil)
  }

  @Test func `Attempts without end do not overflow`() {
    let policy = RetryPolicy(maxAttempts: .max)
    #expect(policy.delay(afterAttempt: 1_000_000, retryAfter: nil, elapsed: .zero, random: 1) == .seconds(8))
  }
}
