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
  /// How Redis fails over; nil for one Redis on one host.
  let failover: Failover?
  /// `WF_WAIT_REPLICAS`.
  let waitReplicas: Int
  private let lease = Duration.seconds(2)

  /// Runs everything.
  /// - Returns: what is to be printed.
  func run() async throws -> Report {
    let clock = ClockSteps()
    let site = if let failover { try Site(await failover.start(), waitReplicas: waitReplicas) } else { try Site(clock) }
    let model = try ModelServer(host: site.world)
    defer { model.close() }
    model.script(ModelBehaviours.random(seconds * 400 + 10_000, seed: seed))
    model.behaviour = .slow(.milliseconds(50))
    let receiver = try ModelServer(host: site.world)
    defer { receiver.close() }
    receiver.behaviour = .status(200)
    let (reports, continuation) = AsyncStream<Report>.makeStream()
    try await Stack.with(options(model, site)) { stack in
      continuation.yield(try await play(stack, site, model, receiver, clock))
    }
    for await report in reports { return report }
    throw StackFailure("there is no report")
  }

  private func options(_ model: ModelServer, _ site: Site) -> Stack.Options {
    Stack.Options(
      workers: site.workers.count, apis: site.apis.count,
      settings: [
        "WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LLM_FALLBACK": "fail", "WF_LLM_TIMEOUT_S": "10",
        "WF_LEASE_S": "\(Int(lease.seconds))", "WF_DRAIN_S": "0.3", "WF_STORE_MAX_ITEMS": "10000000",
        "WF_CALLBACK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "WF_CALLBACK_ALLOW_PRIVATE": site.world,
        "WF_WAIT_REPLICAS": "\(site.waitReplicas)", "PATH": site.path,
      ],
      redis: ["appendonly yes", "appendfsync always"], redisURL: site.topology?.url,
      partitions: max(partitions, site.topology?.partitions ?? 1))
  }

  private func play(
    _ stack: Stack, _ site: Site, _ model: ModelServer, _ receiver: ModelServer, _ clock: ClockSteps
  ) async throws -> Report {
    let ledger = Ledger()
    let timeline = Timeline()
    let recoveries = Recoveries(
      holdings: Holdings(stack: stack), timeline: timeline, lease: lease, isStrict: site.topology != nil)
    let absences = Absences(lease: lease)
    let losses = Losses()
    let faults = Faults(
      stack, site, seed: seed, timeline: timeline, recoveries: recoveries, absences: absences, clock: clock,
      losses: losses)
    let times = CallTimes()
    let watch = Task { await times.watch(model) }
    let end = ContinuousClock.now + .seconds(seconds)
    let callbackURL = "http://\(receiver.host):\(receiver.port)/hook"
    let requests = SteeringRequests(url: stack.url, ledger: ledger, timeline: timeline)
    let scheduler = Scheduler(requests: requests, ledger: ledger, seed: seed)
    async let load: Void = Load(url: stack.url, seed: seed, ledger: ledger, callbackURL: callbackURL).run(until: end)
    async let steering: Void = Steerer(requests: requests, ledger: ledger, seed: seed).run(until: end)
    async let schedules: Void = scheduler.run(until: end)
    await faults.run(until: end)
    _ = await (load, steering, schedules)
    let isDrained = await drain(stack, requests, scheduler)
    watch.cancel()
    let told = ledger.entries
    let judge = Judge(
      stack: stack, site: site, told: told, calls: model.calls, times: times, recoveries: recoveries,
      absences: absences, clock: clock, losses: losses, timeline: timeline, callbacks: receiver.calls)
    return await Report(
      seed: seed, told: told, verdict: try judge.verdict(), faults: faults.counts, history: faults.history,
      recoveries: recoveries,
      failovers: faults.failovers, mayLose: site.topology != nil && waitReplicas == 0,
      surprises: faults.surprises + told.surprises + (isDrained ? [] : ["the queue is not empty after two minutes"]))
  }

  /// Waits until all runs have ended and all callbacks are delivered. What is paused is resumed, and schedules are
  /// removed, again and again: requests that nobody waits for any more may be carried out yet.
  private func drain(_ stack: Stack, _ requests: SteeringRequests, _ scheduler: Scheduler) async -> Bool {
    let drained = try? await wait("the drain", within: .seconds(120)) { () -> Bool? in
      await scheduler.removeAll()
      await requests.resumeAll()
      try? await ContinuousClock().sleep(for: .milliseconds(300))
      // Those that wait among the timers are live as well.
      let left =
        try? await stack.total("ZCARD", "live") + stack.total("ZCARD", "callbacks")
        + stack.total("ZCARD", "schedules")
      return left == 0 ? true : nil
    }
    return drained != nil
  }
}
