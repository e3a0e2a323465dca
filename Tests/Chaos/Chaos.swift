import Glibc
import Hiredis
import ModelServer
import SystemHarness

/// Load on a whole stack while its processes are killed; then a look at what has become of it.
struct Chaos: Sendable {
  let seconds: Int
  let seed: UInt64
  /// Among how many partitions the runs are divided.
  let partitions: Int
  private let lease = Duration.seconds(2)

  /// Runs everything.
  /// - Returns: what is to be printed.
  func run() async throws -> Report {
    let model = try ModelServer()
    defer { model.close() }
    model.script(ModelBehaviours.random(seconds * 400 + 10_000, seed: seed))
    model.behaviour = .slow(.milliseconds(50))
    let (reports, continuation) = AsyncStream<Report>.makeStream()
    let clock = ClockSteps()
    let wrapper = try RedisWrapper(clock.clock)
    try await Stack.with(options(model, path: wrapper.path)) { stack in
      continuation.yield(try await play(stack, model, clock))
    }
    for await report in reports { return report }
    throw StackFailure("there is no report")
  }

  private func options(_ model: ModelServer, path: String) -> Stack.Options {
    Stack.Options(
      workers: 3, apis: 2,
      settings: [
        "WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LLM_FALLBACK": "fail", "WF_LLM_TIMEOUT_S": "10",
        "WF_LEASE_S": "\(Int(lease.seconds))", "WF_DRAIN_S": "0.3", "WF_STORE_MAX_ITEMS": "10000000",
        "PATH": path,
      ],
      redis: ["appendonly yes", "appendfsync always"], partitions: partitions)
  }

  private func play(_ stack: Stack, _ model: ModelServer, _ clock: ClockSteps) async throws -> Report {
    let ledger = Ledger()
    let timeline = Timeline()
    let recoveries = Recoveries(holdings: Holdings(stack: stack), timeline: timeline, lease: lease)
    let losses = Losses()
    let faults = Faults(
      stack, seed: seed, timeline: timeline, recoveries: recoveries, clock: clock, losses: losses)
    let times = CallTimes()
    let watch = Task { await times.watch(model) }
    let end = ContinuousClock.now + .seconds(seconds)
    async let load: Void = Load(url: stack.url, seed: seed, ledger: ledger).run(until: end)
    await faults.run(until: end)
    await load
    let drained = try? await wait("the drain") { try await isDrained(stack) ? true : nil }
    watch.cancel()
    let told = ledger.entries
    let judge = Judge(
      stack: stack, told: told, calls: model.calls, times: times, recoveries: recoveries, clock: clock, losses: losses)
    return await Report(
      seed: seed, told: told, verdict: try judge.verdict(), faults: faults.counts, recoveries: recoveries,
      surprises: faults.surprises + told.surprises + (drained == nil ? ["the queue is not empty after a minute"] : []))
  }

  private func isDrained(_ stack: Stack) async throws -> Bool {
    // Those that wait among the timers are live as well.
    try await stack.total("ZCARD", "live") == 0
  }
}
