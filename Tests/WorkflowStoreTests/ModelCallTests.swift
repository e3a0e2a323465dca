import Testing
import Workflow
import WorkflowStore

/// What all workers together may ask of a model.
@Suite(.timeLimit(.minutes(1))) struct ModelCallTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func call(_ id: String, nonce: String = "1", _ edit: (inout ModelCall) -> Void = { _ in }) -> ModelCall {
    var call = ModelCall(model: "m", id: id, nonce: nonce, run: "r", step: "s", owner: "alice")
    edit(&call)
    return call
  }

  /// A call that may cost ten billionths.
  private func priced(_ id: String, nonce: String = "1", _ edit: (inout ModelCall) -> Void = { _ in }) -> ModelCall {
    var call = call(id, nonce: nonce) { $0.greatestCost = Cost(billionths: 10) }
    edit(&call)
    return call
  }

  private func usage(cost: Int? = nil, input: Int = 0, output: Int = 0) -> ModelUsage {
    var usage = ModelUsage()
    (usage.calls, usage.input, usage.output) = (1, input, output)
    usage.cost = cost.map { Cost(billionths: $0) }
    return usage
  }

  private func admit(_ call: ModelCall) async throws -> ModelAdmission { try await bench.store.admit(call) }

  private func end(
    _ call: ModelCall, _ outcome: ModelCallEnd.Outcome = .answered, _ usage: ModelUsage = ModelUsage(),
    _ policy: CooldownPolicy = CooldownPolicy()
  ) async throws -> Duration {
    try await bench.store.record(ModelCallEnd(outcome, usage: usage, took: .milliseconds(10)), of: call, policy)
  }

  /// How long a call waits, in seconds; nil when it was admitted or waits for something else.
  private func wait(_ admission: ModelAdmission, for reason: ModelAdmission.Reason) -> Double? {
    guard case .wait(let time, reason) = admission else { return nil }
    return time / .seconds(1)
  }

  /// Asks until the call may begin.
  private func waitUntilAdmitted(_ call: ModelCall) async throws {
    let end = ContinuousClock.now + patience
    while ContinuousClock.now < end {
      if try await admit(call) == .admitted { return }
      try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("\(call.id) may not begin")
  }

  @Test func `No more calls are under way than may be, and an end makes room`() async throws {
    let calls = (0..<4).map { call("c\($0)") { $0.callLimit = 2 } }
    for call in calls.prefix(2) { #expect(try await admit(call) == .admitted) }
    #expect(try await wait(admit(calls[2]), for: .calls) != nil)
    #expect(try await admit(calls[1]) == .admitted, "a call that is under way asks again")
    _ = try await end(calls[0])
    #expect(try await admit(calls[2]) == .admitted)
    _ = try await end(calls[0])
    #expect(try await wait(admit(calls[3]), for: .calls) != nil, "an end counts once")
  }

  @Test func `A call whose worker died makes room when its time is over, and at once for the same step`() async throws {
    // Its lease ends with it.
    let dead = call("a") { ($0.callLimit, $0.timeout) = (1, .milliseconds(-29_900)) }
    #expect(try await admit(dead) == .admitted)
    try await waitUntilAdmitted(call("b") { $0.callLimit = 1 })
    #expect(try await admit(call("b", nonce: "2") { $0.callLimit = 1 }) == .admitted)
    #expect(try await wait(admit(call("c") { $0.callLimit = 1 }), for: .calls) != nil)
  }

  @Test func `In no minute begin more calls than may, and each waits once`() async throws {
    var turns: [Double] = []
    let start = ContinuousClock.now
    func now() -> Double { (ContinuousClock.now - start) / .seconds(1) }
    for number in 0..<130 {
      let one = call("c\(number)") { $0.requestRate = 60 }
      let before = now()
      let first = try await admit(one)
      let after = now()
      guard let left = wait(first, for: .requests) else {
        #expect(first == .admitted)
        turns.append(after)
        continue
      }
      turns.append(before + left)
      // Its turn does not move: it is as far away as it was, less what has passed.
      if let again = try await wait(admit(one), for: .requests) { #expect(now() + again > turns[number] - 0.1) }
    }
    for first in turns.indices where first + 60 < turns.count {
      #expect(turns[first + 60] - turns[first] > 60 - 3 - 0.1, "\(first)")
    }
    #expect(turns[129] < now() + 150)
  }

  @Test func `Tokens that a call did not take are free again`() async throws {
    let first = call("a") { ($0.tokenRate, $0.tokens) = (6_000, 6_000) }
    #expect(try await admit(first) == .admitted)
    let second = call("b") { ($0.tokenRate, $0.tokens) = (6_000, 100) }
    let before = try #require(try await wait(admit(second), for: .tokens))
    #expect(before > 55 && before < 70)
    let third = call("c") { ($0.tokenRate, $0.tokens) = (6_000, 100) }
    _ = try await end(first, .answered, usage(input: 50, output: 10))
    #expect(try await admit(third) == .admitted)
  }

  @Test func `A model that keeps failing is left alone, longer each time, until it answers`() async throws {
    var policy = CooldownPolicy()
    (policy.failures, policy.first, policy.longest) = (2, .milliseconds(50), .milliseconds(80))
    func fail(_ id: String) async throws -> Duration {
      try await waitUntilAdmitted(call(id))
      return try await end(call(id), .broken, ModelUsage(), policy)
    }
    #expect(try await fail("1") == .zero)
    let first = try await fail("2")
    #expect(first > .zero && first <= .milliseconds(50))
    let second = try await fail("3")
    #expect(second > .milliseconds(50) && second <= .milliseconds(80))
    let third = try await fail("4")
    #expect(third > .milliseconds(50) && third <= .milliseconds(80))
    try await waitUntilAdmitted(call("5"))
    #expect(try await end(call("5"), .answered, ModelUsage(), policy) == .zero)
    #expect(try await fail("6") == .zero)
    #expect(try await bench.ttl("model:m") ?? 0 > 80_000)
  }

  @Test func `A refusal for too many requests is the affair of the run alone`() async throws {
    for number in 0..<9 {
      #expect(try await admit(call("\(number)")) == .admitted)
      #expect(try await end(call("\(number)"), .limited) == .zero)
    }
    #expect(try await admit(ModelCall(model: "other", id: "b", nonce: "1", run: "r", step: "s")) == .admitted)
  }

  @Test func `After a cooldown one call tries, and the others wait for its answer`() async throws {
    var policy = CooldownPolicy()
    (policy.failures, policy.first) = (1, .milliseconds(20))
    #expect(try await admit(call("a")) == .admitted)
    _ = try await end(call("a"), .broken, ModelUsage(), policy)
    try await waitUntilAdmitted(call("b"))
    #expect(try await wait(admit(call("c")), for: .cooldown) ?? 0 > 1)
    _ = try await end(call("b"))
    #expect(try await admit(call("c")) == .admitted)
  }

  @Test func `A run spends no more than it may, and what calls under way may cost is waited for`() async throws {
    func call(_ id: String) -> ModelCall { priced(id) { $0.runBudget = Cost(billionths: 25) } }
    for id in ["a", "b"] { #expect(try await admit(call(id)) == .admitted) }
    #expect(try await admit(call("a")) == .admitted, "the same call is asked for twice")
    #expect(try await wait(admit(call("c")), for: .budget) != nil)
    _ = try await end(call("a"), .answered, usage(cost: 4))
    _ = try await end(call("a"), .answered, usage(cost: 4))
    #expect(try await admit(call("c")) == .admitted)
    for id in ["b", "c"] { _ = try await end(call(id), .answered, usage(cost: 10)) }
    #expect(try await admit(call("d")) == .overspent(.run))
    #expect(try await bench.hash("spent:r")["booked"] == "24")
  }

  @Test func `What a crash leaves is spent, and called an estimate`() async throws {
    func call(_ nonce: String) -> ModelCall { priced("a", nonce: nonce) { $0.runBudget = Cost(billionths: 25) } }
    #expect(try await admit(call("1")) == .admitted)
    #expect(try await admit(call("2")) == .admitted)
    _ = try await end(call("1"), .answered, usage(cost: 1))
    _ = try await end(call("2"), .answered, usage(cost: 3, input: 5))
    #expect(try await bench.hash("spent:r")["booked"] == "13")
    let spending = try await bench.store.spending(days: 1)
    #expect(spending.map(\.usage.cost) == [Cost(billionths: 13)])
    #expect(spending.map(\.usage.input) == [5])
  }

  @Test func `An owner spends no more in a day than it may, whatever its runs`() async throws {
    func call(_ id: String) -> ModelCall { priced(id) { $0.dayBudget = Cost(billionths: 25) } }
    for id in ["a", "b"] { #expect(try await admit(call(id)) == .admitted) }
    #expect(try await wait(admit(call("c")), for: .budget) != nil)
    for id in ["a", "b"] { _ = try await end(call(id), .answered, usage(cost: 10)) }
    #expect(try await admit(call("c")) == .overspent(.day))
    var other = ModelCall(model: "m", id: "o", nonce: "1", run: "s", step: "s", owner: "bob")
    (other.greatestCost, other.dayBudget) = (Cost(billionths: 10), Cost(billionths: 25))
    #expect(try await admit(other) == .admitted)
  }

  @Test func `The day's sums are by owner and model, failed calls included`() async throws {
    #expect(try await admit(priced("a")) == .admitted)
    _ = try await end(priced("a"), .answered, usage(cost: 7, input: 100, output: 20))
    #expect(try await admit(priced("b")) == .admitted)
    // Nothing says what it has used: it counts as the most that it may have cost.
    _ = try await end(priced("b"), .broken, usage())
    let spending = try await bench.store.spending(days: 2)
    try #require(spending.count == 1)
    #expect((spending[0].owner, spending[0].model, spending[0].failed) == ("alice", "m", 1))
    var sum = usage(cost: 17, input: 100, output: 20)
    sum.calls = 2
    #expect(spending[0].usage == sum)
    #expect(try await bench.store.spending(days: 1, owner: "bob").isEmpty)
  }
}
