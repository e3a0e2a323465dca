import Testing
import WorkflowStore

/// What all workers together may ask of a model.
@Suite(.timeLimit(.minutes(1))) struct ModelCallTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func call(_ id: String, _ edit: (inout ModelCall) -> Void = { _ in }) -> ModelCall {
    var call = ModelCall(model: "m", id: id)
    edit(&call)
    return call
  }

  private func admit(_ call: ModelCall, lease: Duration = .seconds(30)) async throws -> ModelAdmission {
    try await bench.store.admit(call, lease: lease)
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
    try await bench.store.record(.answered(tokens: nil), of: calls[0])
    #expect(try await admit(calls[2]) == .admitted)
    try await bench.store.record(.answered(tokens: nil), of: calls[0])
    #expect(try await wait(admit(calls[3]), for: .calls) != nil, "an end counts once")
  }

  @Test func `A call whose worker died makes room when its lease is over; one that is renewed does not`() async throws {
    let calls = (0..<3).map { call("c\($0)") { $0.callLimit = 2 } }
    #expect(try await admit(calls[0], lease: .milliseconds(1)) == .admitted)
    #expect(try await admit(calls[1], lease: .milliseconds(200)) == .admitted)
    try await bench.store.renewCalls(["c1", "unknown"], of: "m", lease: .seconds(60))
    try await waitUntilAdmitted(calls[2])
    #expect(try await wait(admit(call("c3") { $0.callLimit = 2 }), for: .calls) != nil)
  }

  @Test func `In no minute begin more calls than may, and each waits once`() async throws {
    var waits: [Double] = []
    for number in 0..<130 {
      let one = call("c\(number)") { $0.requestRate = 60 }
      let first = try await admit(one)
      let again = try await admit(one)
      waits.append(first == .admitted ? 0 : wait(first, for: .requests) ?? .nan)
      if first != .admitted { #expect(abs((wait(again, for: .requests) ?? .nan) - waits[number]) < 5) }
    }
    #expect(waits == waits.sorted() && waits.allSatisfy { $0.isFinite })
    // The turns do not move while the test runs: those that were given later are counted from a later time.
    for start in waits.indices where start + 60 < waits.count {
      #expect(waits[start + 60] - waits[start] > 60 - 3, "\(start)")
    }
    #expect(waits[129] < 150)
  }

  @Test func `Tokens that a call did not take are free again`() async throws {
    let first = call("a") { ($0.tokenRate, $0.tokens) = (6_000, 6_000) }
    #expect(try await admit(first) == .admitted)
    let second = call("b") { ($0.tokenRate, $0.tokens) = (6_000, 100) }
    let before = try #require(try await wait(admit(second), for: .tokens))
    #expect(before > 55 && before < 70)
    let third = call("c") { ($0.tokenRate, $0.tokens) = (6_000, 100) }
    try await bench.store.record(.answered(tokens: 60), of: first)
    #expect(try await admit(third) == .admitted)
  }

  @Test func `A model that keeps failing is left alone, longer each time, until it answers`() async throws {
    var policy = CooldownPolicy()
    (policy.failures, policy.first, policy.longest) = (2, .milliseconds(50), .milliseconds(80))
    func fail(_ id: String) async throws -> Duration {
      try await waitUntilAdmitted(call(id))
      return try await bench.store.record(.broken(retryAfter: nil), of: call(id), policy)
    }
    #expect(try await fail("1") == .zero)
    let first = try await fail("2")
    #expect(first > .zero && first <= .milliseconds(50))
    let second = try await fail("3")
    #expect(second > .milliseconds(50) && second <= .milliseconds(80))
    let third = try await fail("4")
    #expect(third > .milliseconds(50) && third <= .milliseconds(80))
    try await waitUntilAdmitted(call("5"))
    #expect(try await bench.store.record(.answered(tokens: 1), of: call("5"), policy) == .zero)
    #expect(try await fail("6") == .zero)
  }

  @Test func `A wait that the model asks for holds for all`() async throws {
    #expect(try await admit(call("a")) == .admitted)
    #expect(try await bench.store.record(.limited(retryAfter: .seconds(20)), of: call("a")) > .seconds(19))
    #expect(try await wait(admit(call("b")), for: .cooldown) ?? 0 > 19)
    #expect(try await bench.store.admit(ModelCall(model: "other", id: "b"), lease: .seconds(1)) == .admitted)
    #expect(try await bench.ttl("model:m") ?? 0 > 80_000)
  }
}
