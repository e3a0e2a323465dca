import ExactJSON
import Testing
import Workflow

@Suite struct RetryPolicyTests {
  private let policy = RetryPolicy.make(delay: 1, maxDelay: 5, total: 100)

  @Test func `Only what a service has asked for is called so, and a day or more is no number of seconds`() {
    func final(_ edit: (inout StepFailure.Details) -> Void) -> String {
      var details = StepFailure.Details()
      edit(&details)
      return StepFailure(.rateLimited, "later", details).final(attempts: 2, in: .seconds(3)).message
    }
    #expect(final { $0.retryAfter = .seconds(7) } == "later; 2 attempts in 3 s; the service asked for a wait of 7 s")
    let long = final { $0.retryAfter = .seconds(86_400) }
    #expect(long == "later; 2 attempts in 3 s; the service asked for a wait of a day or more")
    #expect(final { ($0.retryAfter, $0.waitsFor) = (.seconds(7), .cooldown) } == "later; 2 attempts in 3 s")
  }

  private func wait(
    _ failed: Int = 1, counted: Int? = nil, _ code: ErrorCode = .rateLimited, retryAfter: Duration? = nil,
    elapsed: Duration = .zero, random: Double = 1, spent: Duration = .seconds(3), mayBeComputed: Bool = false,
    _ policy: RetryPolicy? = nil
  ) -> Duration? {
    var details = StepFailure.Details()
    details.retryAfter = retryAfter
    details.mayBeComputed = mayBeComputed
    return (policy ?? self.policy).wait(
      afterFailed: failed, counted: counted ?? failed, StepFailure(code, "later", details), spent: spent,
      elapsed: elapsed, random: random)
  }

  @Test func `The wait doubles up to the longest, and no number of attempts ends it`() {
    #expect([1, 2, 3, 4, 5, 999].map { wait($0) } == [1, 2, 4, 5, 5, 5].map { .seconds($0) })
  }

  @Test func `A step is attempted a thousand times at most`() {
    #expect(wait(999) != nil && wait(1_000) == nil)
  }

  @Test func `Any part of the wait may be random, or none`() {
    #expect(wait(3, random: 0) == .zero)
    #expect(wait(3, random: 0.5) == .seconds(2))
    var exact = policy
    exact.hasJitter = false
    #expect(wait(3, random: 0, exact) == .seconds(4))
    #expect(wait(3, retryAfter: .seconds(40), random: 1, exact) == .seconds(40))
  }

  @Test func `The service's word is the least wait, with up to a quarter of it on top`() {
    #expect(wait(4, retryAfter: .seconds(40), random: 0) == .seconds(40))
    #expect(wait(4, retryAfter: .seconds(40), random: 0.5) == .seconds(45))
    #expect(wait(4, retryAfter: .seconds(40), random: 1) == .seconds(50))
    #expect(wait(4, retryAfter: .zero, random: 1) == .seconds(5))
    #expect(wait(900, retryAfter: .seconds(1), random: 1) == .seconds(5))
  }

  @Test func `Those who are refused together do not come back together`() {
    let waits = (1...100).compactMap { _ in wait(retryAfter: .seconds(20), random: .random(in: 0...1)) }
    #expect(waits.count == 100 && waits.allSatisfy { $0 >= .seconds(20) && $0 <= .seconds(25) })
    #expect((waits.max() ?? .zero) - (waits.min() ?? .zero) > .seconds(3))
  }

  @Test func `After an attempt that may still be computed the wait is as long as the attempt was`() {
    #expect(wait(random: 0, spent: .seconds(60), mayBeComputed: true) == .seconds(60))
    #expect(wait(random: 1, spent: .seconds(60), mayBeComputed: true) == .seconds(75))
    #expect(wait(random: 0, spent: .seconds(60)) == .zero)
  }

  @Test func `The total ends the attempts, and the last wait is cut to it`() {
    #expect(wait(3, elapsed: .seconds(99)) == .seconds(1))
    #expect(wait(elapsed: .seconds(100)) == nil)
    #expect(wait(elapsed: .seconds(200), random: 0) == nil)
    #expect(wait(retryAfter: .seconds(40), elapsed: .seconds(60), random: 0) == nil)
    #expect(wait(retryAfter: .seconds(40), elapsed: .seconds(59), random: 1) == .seconds(41))
    #expect(wait(retryAfter: .seconds(86_400)) == nil)
    #expect(wait(spent: .seconds(100), mayBeComputed: true) == nil)
  }

  @Test func `By default three attempts may fail, of failures that may pass`() {
    let policy = RetryPolicy()
    #expect(
      wait(2, counted: 2, .operationFailed, policy) != nil && wait(3, counted: 3, .operationFailed, policy) == nil)
    let passing = ErrorCode.allCases.filter { policy.repeats(StepFailure($0, "")) }
    #expect(passing == [.timeout, .rateLimited, .providerUnavailable, .operationFailed])
    #expect(wait(1, counted: 1, .operationFailed, RetryPolicy.none) == nil)
  }

  @Test func `The operation's word decides where the kind of failure does not, and a step's codes above both`() {
    var details = StepFailure.Details()
    details.isTransient = false
    let refused = StepFailure(.providerUnavailable, "no", details)
    #expect(!policy.repeats(refused))
    var own = policy
    own.codes = [.providerUnavailable]
    #expect(own.repeats(refused) && !own.repeats(StepFailure(.timeout, "")))
  }

  @Test func `A call that waits for its turn is no attempt, and its wait counts for no time`() throws {
    func turn(_ reason: ModelAdmission.Reason, _ seconds: Int) -> StepFailure {
      var details = StepFailure.Details()
      (details.waitsFor, details.retryAfter) = (reason, .seconds(seconds))
      return StepFailure(.rateLimited, "waits", details)
    }
    var policy = RetryPolicy.make(delay: 1, maxDelay: 5, total: 100)
    policy.maxAttempts = 1
    let start = Timestamp(microseconds: 1_000_000_000)
    func attempts(
      after known: StepAttempts?, _ failure: StepFailure, at seconds: Int
    ) -> StepAttempts? {
      StepAttempts(after: known, failure, policy, spent: .zero, now: start + .seconds(seconds), random: 1)
    }
    let first = try #require(attempts(after: nil, turn(.requests, 5_000), at: 0))
    #expect((first.failed, first.counted) == (0, 0))
    #expect(first.wait == .seconds(5_000))
    let second = try #require(attempts(after: first, turn(.calls, 3), at: 5_000))
    #expect(second.failed == 0)
    #expect(second.since == start + .seconds(5_003))
    // A model that fails has the time of all attempts, and no more.
    #expect(try #require(attempts(after: second, turn(.cooldown, 40), at: 5_003)).wait == .seconds(50))
    #expect(attempts(after: second, turn(.cooldown, 101), at: 5_003) == nil)
    // With another model behind it a step waits for its turn so long at most.
    policy.longestRefusal = .seconds(30)
    let kept = try #require(attempts(after: nil, turn(.requests, 20), at: 0))
    #expect(kept.since == start)
    #expect(attempts(after: kept, turn(.requests, 11), at: 20) == nil)
  }

  @Test func `A refused attempt does not count, a timeout is remembered, and all of it survives being stored`() throws {
    let now = Timestamp(microseconds: 10_000_000)
    var details = StepFailure.Details()
    details.mayBeComputed = true
    details.needsFreshConnection = true
    let late = StepFailure(.timeout, "late", details)
    let first = try #require(
      StepAttempts(after: nil, late, policy, spent: .seconds(2), now: now, random: 0.5))
    #expect(first.failed == 1 && first.counted == 1 && first.timeouts == 1 && first.needsFreshConnection)
    #expect(first.since == Timestamp(microseconds: 8_000_000) && first.due == Timestamp(microseconds: 12_250_000))
    let second = try #require(
      StepAttempts(
        after: first, StepFailure(.rateLimited, "wait"), policy, spent: .zero, now: now + .seconds(5), random: 1))
    #expect(second.failed == 2 && second.counted == 1 && second.timeouts == 1 && !second.needsFreshConnection)
    #expect(second.since == first.since)
    #expect(StepAttempts(json: second.json) == second)
    for name in ["failed", "counted", "timeouts", "since", "wait", "due", "error_code", "error"] {
      var object = try #require(second.json.objectValue)
      object[name] = .bool(true)
      #expect(StepAttempts(json: .object(object)) == nil)
    }
  }

  @Test func `Refusals for too many requests may continue for that long, the wait included that is asked for`() {
    var bounded = policy
    bounded.longestRefusal = .seconds(30)
    #expect(wait(retryAfter: .seconds(30), random: 0, bounded) == .seconds(30))
    #expect(wait(retryAfter: .seconds(20), elapsed: .seconds(11), bounded) == nil)
    #expect(wait(elapsed: .seconds(30), bounded) != nil && wait(elapsed: .seconds(31), bounded) == nil)
    #expect(wait(1, .providerUnavailable, retryAfter: .seconds(31), bounded) != nil)
  }

  @Test func `A step that continues in another way begins again, and all of it survives being stored`() throws {
    let now = Timestamp(microseconds: 10_000_000)
    var details = StepFailure.Details()
    details.needsFreshConnection = true
    let late = StepFailure(.timeout, "late", details)
    let first = try #require(StepAttempts(after: nil, late, policy, spent: .seconds(2), now: now, random: 0))
    #expect(first.alternative == nil && first.json.objectValue?["alternative"] == nil)
    let changed = try #require(StepAttempts(goingOnWith: "big", after: first, late, now: now + .seconds(9)))
    #expect(changed.alternative == "big" && changed.failed == 2 && changed.failedBefore == 2 && changed.counted == 0)
    #expect(changed.timeouts == 0 && !changed.needsFreshConnection && changed.wait == .zero)
    #expect(changed.since == now + .seconds(9) && changed.due == now + .seconds(9))
    #expect(StepAttempts(json: changed.json) == changed)
    let next = try #require(
      StepAttempts(
        after: changed, StepFailure(.providerUnavailable, "no"), policy, spent: .zero, now: now + .seconds(99),
        random: 1
      ))
    #expect(next.alternative == "big" && next.failed == 3 && next.failedBefore == 2 && next.counted == 1)
    // The first wait of this way.
    #expect(next.wait == .seconds(1) && next.since == changed.since)
    #expect(StepAttempts(json: next.json) == next)
    // What an older worker has written, or what makes no sense, begins with the first way.
    var object = try #require(next.json.objectValue)
    object["alternative"] = nil
    object["failed_before"] = nil
    #expect(StepAttempts(json: .object(object))?.alternative == nil)
  }

  @Test func `All ways together are attempted a thousand times at most`() throws {
    let now = Timestamp(microseconds: 0)
    var attempts: StepAttempts?
    for _ in 1...998 { attempts = StepAttempts(goingOnWith: "b", after: attempts, StepFailure(.timeout, ""), now: now) }
    #expect(attempts?.failed == 998)
    let last = try #require(StepAttempts(goingOnWith: "c", after: attempts, StepFailure(.timeout, ""), now: now))
    #expect(StepAttempts(goingOnWith: "d", after: last, StepFailure(.timeout, ""), now: now) == nil)
    #expect(
      StepAttempts(after: last, StepFailure(.timeout, ""), policy, spent: .zero, now: now, random: 0) == nil)
  }

  @Test func `A step's retry changes what it names, and is at least three attempts where the operation has one`() throws
  {
    func policy(_ text: String, over base: RetryPolicy) throws -> RetryPolicy {
      RetryOptions(json: try #require(JSONValue(parsing: text).objectValue)).policy(over: base)
    }
    #expect(try policy("{}", over: .none) == RetryPolicy())
    #expect(try policy("{}", over: self.policy) == self.policy)
    let own = try policy(
      #"{"max_attempts":7,"delay_s":0.5,"multiplier":1,"max_delay_s":9,"jitter":false,"total_s":60,"on":["timeout"]}"#,
      over: self.policy)
    #expect(
      own.maxAttempts == 7 && own.delay == .milliseconds(500) && own.multiplier == 1 && own.maxDelay == .seconds(9))
    #expect(!own.hasJitter && own.total == .seconds(60) && own.codes == [.timeout])
    #expect(try policy(#"{"delay_s":600}"#, over: .none).maxDelay == .seconds(600))
  }
}

extension RetryPolicy {
  /// A policy without a number of attempts; times in seconds.
  static func make(delay: Double, maxDelay: Double, total: Double) -> RetryPolicy {
    var policy = RetryPolicy()
    policy.maxAttempts = nil
    policy.delay = .seconds(delay)
    policy.maxDelay = .seconds(maxDelay)
    policy.total = .seconds(total)
    return policy
  }
}
