import ExactJSON
import Hiredis
import Testing
import Workflow
import WorkflowStore

/// Runs that wait outside their queue, runs with a time limit, and the order in which runs of a priority come.
@Suite(.timeLimit(.minutes(5))) struct TimerTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func submit(_ fill: (inout RunOptions) -> Void, to bench: Bench? = nil) async throws -> JobID {
    var options = RunOptions()
    fill(&options)
    let id = JobID()
    let submission = Submission.sample(id, options: options)
    #expect(try await (bench ?? self.bench).store.submit(submission) == .accepted(id))
    return id
  }

  private func score(_ key: String, _ id: JobID) async throws -> Double? {
    try await bench.send("ZSCORE", bench.prefix + key, id.description).string.flatMap { Double($0) }
  }

  @Test func `A delayed run is claimed when its time has come, behind those that are queued`() async throws {
    let id = try await submit { $0.start = .after(milliseconds: 3_600_000) }
    #expect(try await bench.claim(1).runs.isEmpty)
    let early = try await bench.store.turnTimers()
    #expect(early.runs.isEmpty)
    let next = try #require(early.next)
    #expect(next - early.now > .seconds(3_590) && next - early.now <= .seconds(3_600))
    try await bench.send("ZADD", bench.prefix + "timers", "0", id.description)
    let other = try await bench.submit()
    #expect(try await bench.store.turnTimers().runs.map(\.outcome) == [.due])
    #expect(try await bench.store.turnTimers().runs.isEmpty)
    #expect(try await bench.claimRuns(2, id: "again").map(\.id) == [other, id])
  }

  @Test func `A start in the past is refused and leaves nothing`() async throws {
    var options = RunOptions()
    options.start = .at(milliseconds: 1_000)
    let before = try await bench.snapshot()
    #expect(try await bench.store.submit(Submission.sample(JobID(), options: options)) == .past)
    let keyed = Submission.sample(JobID(), options: options, idempotencyKey: "k")
    #expect(try await bench.store.submit(keyed) == .past)
    #expect(try await bench.snapshot().filter { !$0.key.hasSuffix("classes") } == before)
  }

  @Test func `A parked run returns to the head of its queue with its attempts`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    let now = bench.store.clock.now
    let failure = StepFailure(.rateLimited, "later")
    let policy = RetryPolicy()
    let attempts = try #require(
      StepAttempts(after: nil, failure, policy, spent: .zero, now: now, random: 1))
    let outcome = try await bench.record(run, 1) { batch in
      batch.log(.stepRetry(step: "a", item: nil, attempts))
      batch.attempted(StepUnit("a"), attempts)
      batch.end = .parked(until: RedisClock.uptime + .seconds(3_600))
    }
    #expect(outcome == .recorded)
    #expect(try await bench.send("HGET", bench.prefix + "job:\(id)", "status").string == "queued")
    #expect(try await bench.claim(1, id: "none").runs.isEmpty)
    try await bench.submit()
    try await bench.send("ZADD", bench.prefix + "timers", "0", id.description)
    #expect(try await bench.store.turnTimers().runs.map(\.id) == [id])
    let again = try await bench.claimRuns(2, id: "again")
    #expect(again.first?.id == id && again.first?.attempts == [StepUnit("a"): attempts])
  }

  @Test func `A parked run whose turn has come is first in its queue, wherever else it is nothing happens`()
    async throws
  {
    func park(_ claim: String) async throws -> JobID {
      let id = try await bench.submit()
      let run = try await bench.claimOne(claim)
      #expect(try await bench.store.hurry(id) == .busy, "a worker holds it")
      let outcome = try await bench.record(run, 1) { $0.end = .parked(until: RedisClock.uptime + .seconds(3_600)) }
      #expect(outcome == .recorded)
      return id
    }
    let id = try await park("first")
    let other = try await bench.submit()
    #expect(try await bench.store.hurry(id) == .hurried)
    #expect(try await bench.store.hurry(id) == .busy, "it is in its queue")
    #expect(try await bench.claimRuns(2, id: "again").map(\.id) == [id, other])
    for verb in [ControlVerb.pause, .cancel] {
      let id = try await park(verb.rawValue)
      _ = try await bench.store.control(verb, [id])
      #expect(try await bench.store.hurry(id) == .over)
    }
    #expect(try await bench.store.hurry(JobID()) == .over)
    let delayed = try await submit { $0.start = .after(milliseconds: 3_600_000) }
    #expect(try await bench.store.hurry(delayed) == .busy, "it waits for its start")
  }

  /// Who finds that Redis's clock has gone back.
  enum Finder: Sendable, CaseIterable {
    /// A worker that has looked at the timers before.
    case timers
    /// The look at all live runs, whatever was lost of the first.
    case reconcile
  }

  @Test(arguments: Finder.allCases) func `When Redis's clock goes back, no wait becomes longer than it was`(
    _ finder: Finder
  ) async throws {
    let delayed = try await submit { $0.start = .after(milliseconds: 60_000) }
    let fixed = try await submit { $0.start = .at(milliseconds: 32_000_000_000_000) }
    let limited = try await submit { $0.timeout = .init(60) }
    let late = try await submit {
      $0.start = .at(milliseconds: 30_000_000_000_000)
      $0.timeout = .init(60)
    }
    let parked = try await bench.submit()
    let runs = try await bench.claimRuns(2)
    let turn = try await bench.store.turnTimers()
    try await bench.record(runs[1], 1) { $0.end = .parked(until: RedisClock.uptime + .seconds(60)) }
    for id in [delayed, parked] {
      try await bench.send("ZADD", bench.prefix + "timers", "31000000000000", id.description)
    }
    for id in [limited, late] {
      try await bench.send("ZADD", bench.prefix + "deadlines", "31000000000000", id.description)
    }
    switch finder {
    case .timers: #expect(try await bench.store.turnTimers(after: turn.now + .seconds(3_600)).runs.isEmpty)
    case .reconcile: #expect(try await bench.reconcile() == [])
    }
    let now = try await bench.now() * 1_000
    for (key, id) in [("timers", delayed), ("timers", parked), ("deadlines", limited)] {
      #expect(try #require(try await score(key, id)) <= now + 60_000)
    }
    #expect(try await score("timers", fixed) == 32_000_000_000_000)
    #expect(try await score("deadlines", late) == 30_000_000_060_000)
  }

  @Test func `A run whose time is over ends wherever it is, and its worker can write nothing more`() async throws {
    let queued = try await submit { $0.timeout = .init(1_000) }
    let started = try await submit { $0.timeout = .init(1_000) }
    let parked = try await submit {
      $0.timeout = .init(1_000)
      $0.start = .after(milliseconds: 1_000)
    }
    let runs = try await bench.claim(2, id: "host-1-f/7", worker: "host-1-f").runs
    #expect(runs.map(\.id) == [queued, started])
    try await bench.record(runs[0], 1) { $0.end = .handedBack(asSuspect: false) }
    for id in [queued, started, parked] {
      try await bench.send("ZADD", bench.prefix + "deadlines", "0", id.description)
    }
    let turn = try await bench.store.turnTimers()
    #expect(turn.runs.map(\.outcome) == [.timedOut, .timedOut, .timedOut])
    for id in [queued, started, parked] {
      let status = try #require(try await bench.store.status(of: id))
      #expect(status.status == .failed && status.facts.errorCode == "timeout")
      #expect(status.facts.error == "the run took longer than 1000 s (timeout_s)")
    }
    #expect(try await bench.record(runs[1], 1) { $0.log(.stepStart(step: "a", op: "note")) } == .lost("failed"))
    #expect(try await bench.claim(5, id: "later").runs.isEmpty)
    #expect(try await bench.send("HLEN", bench.prefix + "repairs").int == 0)
    #expect(try await bench.store.turnTimers().next == nil)
  }

  @Test func `The worker that holds a run learns that its time is over`() async throws {
    let channel = try await Channel(bench.prefix + "control:host-1-f", of: bench.server)
    let id = try await submit { $0.timeout = .init(1_000) }
    let run = try #require(try await bench.claim(1, id: "host-1-f/7", worker: "host-1-f").runs.first)
    try await bench.send("ZADD", bench.prefix + "deadlines", "0", id.description)
    _ = try await bench.store.turnTimers()
    #expect(await channel.next() == "lost \(id) \(run.token)")
  }

  @Test func `A run that ends in time leaves no limit behind`() async throws {
    let id = try await submit { $0.timeout = .init(1_000) }
    let run = try await bench.claimOne()
    #expect(run.hasEndOptions)
    try await bench.record(run, 1) { batch in
      batch.hasEndOptions = run.hasEndOptions
      batch.end = .failed(StepFailure(.operationFailed, "no"))
    }
    #expect(try await score("deadlines", id) == nil)
  }

  // MARK: Priority

  @Test func `Runs of high priority come first and those of low priority last, but for their share`() async throws {
    for priority in [RunOptions.Priority.low, .normal, .high] {
      for _ in 1...20 { _ = try await submit { $0.priority = priority } }
    }
    var taken: [String] = []
    for number in 1...24 {
      let run = try #require(try await bench.claim(1, id: "w/\(number)").runs.first)
      let priority = try await bench.send("HGET", bench.prefix + "job:\(run.id)", "priority").string
      taken.append(priority.map { String($0.prefix(1)) } ?? "n")
    }
    #expect(taken.joined() == "hhnhhhlhhhnhhhlhhhnhhhlh")
  }

  @Test(arguments: ["timers", "deadlines"])
  func `A key of another type in their place loses nothing`(_ key: String) async throws {
    try await bench.send("SET", bench.prefix + key, "x")
    await #expect(throws: StoreError.self) { try await bench.store.turnTimers() }
    await #expect(throws: StoreError.self) { _ = try await submit { $0.start = .after(milliseconds: 1) } }
    let id = try await bench.submit()
    #expect(try await bench.claimOne().id == id)
  }
}
