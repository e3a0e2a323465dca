import Testing
import Workflow
import WorkflowStore

/// What all workers together may ask of a model.
@Suite(.timeLimit(.minutes(5))) struct ModelCallTests {
  private let bench: Bench
  private static let run = "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2"

  init() throws { bench = try Bench() }

  private func call(_ id: String, nonce: String = "1", _ edit: (inout ModelCall) -> Void = { _ in }) -> ModelCall {
    var call = ModelCall(model: "m", id: id, nonce: nonce, run: Self.run, step: "s", owner: "alice")
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

  /// What the run's step has used.
  private func used() async throws -> ModelUsage {
    let run = try #require(JobID(Self.run))
    let usages = try await bench.store.usage(ofRun: run)
    return try #require(usages["s"])
  }

  private func admit(_ call: ModelCall) async throws -> ModelAdmission { try await bench.store.admit(call) }

  private func end(
    _ call: ModelCall, _ outcome: ModelCallEnd.Outcome = .answered, _ usage: ModelUsage = ModelUsage(),
    _ policy: CooldownPolicy = CooldownPolicy()
  ) async throws -> Duration {
    try await bench.store.record(ModelCallEnd(outcome, usage: usage, took: .milliseconds(10)), of: call, policy)
      .leftAlone
  }

  /// How long a call waits, in seconds; nil when it was admitted or waits for something else.
  private func wait(_ admission: ModelAdmission, for reason: ModelAdmission.Reason) -> Double? {
    guard case .wait(let time, reason, _) = admission else { return nil }
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

  @Test func `The end of a call names those that wait for its place, which is kept from others for a moment`()
    async throws
  {
    func one(_ number: Int) -> ModelCall {
      call("b7f935c2-6f95-4a8e-9c1a-00000000000\(number)/s") { $0.callLimit = 1 }
    }
    #expect(try await admit(one(0)) == .admitted)
    for number in [1, 2] { #expect(try await wait(admit(one(number)), for: .calls) != nil) }
    let end = ModelCallEnd(.answered, usage: usage(), took: .milliseconds(10))
    let (_, next) = try await bench.store.record(end, of: one(0))
    #expect(next.map(\.id) == [one(1).id, one(2).id])
    #expect(next.map(\.run.description) == next.map { String($0.id.dropLast(2)) })
    try await bench.store.keepPlace(of: "m", for: .seconds(60))
    #expect(try await wait(admit(one(3)), for: .calls) != nil, "it came last")
    #expect(try await admit(one(1)) == .admitted)
    try await bench.store.forgetTurn(next[1], of: "m")
    let (_, last) = try await bench.store.record(end, of: one(1))
    #expect(last.map(\.id) == [one(3).id])
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
    #expect(try await admit(call("d")) == .overspent(.run, left: Cost(billionths: 1)))
    #expect(try await bench.hash("spent:\(Self.run)")["booked"] == "24")
  }

  @Test func `What a crash leaves is spent, and called an estimate`() async throws {
    func call(_ nonce: String) -> ModelCall { priced("a", nonce: nonce) { $0.runBudget = Cost(billionths: 25) } }
    #expect(try await admit(call("1")) == .admitted)
    #expect(try await admit(call("2")) == .admitted)
    _ = try await end(call("1"), .answered, usage(cost: 1))
    _ = try await end(call("2"), .answered, usage(cost: 3, input: 5))
    #expect(try await bench.hash("spent:\(Self.run)")["booked"] == "13")
    let spending = try await bench.store.spending(days: 1)
    #expect(spending.map(\.usage.cost) == [Cost(billionths: 13)])
    #expect(spending.map(\.usage.input) == [5])
    // The call of the crash is one, too, and has failed.
    #expect(spending.map(\.usage.calls) == [2] && spending.map(\.failed) == [1])
    let known = try await used()
    #expect(known.calls == 2 && known.isEstimate && known.cost == Cost(billionths: 13))
  }

  @Test func `A call under way is counted, as an estimate until its end says what it cost`() async throws {
    #expect(try await admit(priced("a")) == .admitted)
    #expect(try await admit(priced("a")) == .admitted, "the same call is asked for twice")
    let before = try await used()
    #expect(before.calls == 1 && before.cost == Cost(billionths: 10) && before.isEstimate)
    #expect(try await bench.store.spending(days: 1).map(\.usage) == [before])
    _ = try await end(priced("a"), .answered, usage(cost: 3))
    let after = try await used()
    #expect(after.calls == 1 && after.cost == Cost(billionths: 3) && !after.isEstimate)
    #expect(try await bench.store.spending(days: 1).map(\.usage) == [after])
    #expect(try await admit(priced("b")) == .admitted)
    var part = usage(cost: 8, input: 2)
    part.isEstimate = true
    _ = try await end(priced("b"), .broken, part)
    let both = try await used()
    #expect(both.calls == 2 && both.cost == Cost(billionths: 11) && both.isEstimate)
  }

  @Test func `A call without a price is counted when it begins, whatever becomes of its worker`() async throws {
    #expect(try await admit(call("a")) == .admitted)
    #expect(try await admit(call("a", nonce: "2")) == .admitted, "the step is called again")
    _ = try await end(call("a", nonce: "2"), .answered, usage(input: 5))
    let known = try await used()
    #expect(known.calls == 2 && known.input == 5 && known.cost == nil && !known.isEstimate)
  }

  @Test func `An owner spends no more in a day than it may, whatever its runs`() async throws {
    func call(_ id: String) -> ModelCall { priced(id) { $0.dayBudget = Cost(billionths: 25) } }
    for id in ["a", "b"] { #expect(try await admit(call(id)) == .admitted) }
    #expect(try await wait(admit(call("c")), for: .budget) != nil)
    for id in ["a", "b"] { _ = try await end(call(id), .answered, usage(cost: 10)) }
    #expect(try await admit(call("c")) == .overspent(.day, left: Cost(billionths: 5)))
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
    (sum.calls, sum.isEstimate) = (2, true)
    #expect(spending[0].usage == sum)
    #expect(try await bench.store.spending(days: 1, owner: "bob").isEmpty)
  }
}
