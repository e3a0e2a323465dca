import ExactJSON
import Hiredis
import Metrics
import Testing
import Workflow

@testable import WorkflowStore

/// The sums of what all processes count, and what the scripts count themselves.
@Suite(.timeLimit(.minutes(5))) struct MetricsStoreTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func sums() async throws -> [String: String] { try await bench.hash("metrics") }

  @Test func `Portions of several processes add up, and one that comes twice counts once`() async throws {
    let growths = [Meter.Growth("steps:done:a", 2), Meter.Growth("model_cost:m:x", 7)]
    for _ in 1...2 { try await bench.store.add(growths, of: "one", number: 1) }
    try await bench.store.add(growths, of: "two", number: 1)
    try await bench.store.add([Meter.Growth("steps:done:a", 1)], of: "one", number: 2)
    // An older one that arrives late is none any more.
    try await bench.store.add(growths, of: "one", number: 1)
    #expect(try await sums() == ["steps:done:a": "5", "model_cost:m:x": "14"])
    #expect(Set(try await bench.store.metrics().map(\.field)) == ["steps:done:a", "model_cost:m:x"])
    #expect(try await bench.ttl("metrics:one") ?? 0 > 80_000)
    #expect(try await bench.ttl("metrics") == -1)
  }

  @Test func `Every repair that a script counts is a series from the beginning`() {
    let sources = [Scripts.claim, Scripts.recover, Scripts.reconcile, Scripts.record, Scripts.submit].map(\.source)
    let counted = sources.flatMap { source in
      source.matches(of: /'repairs', '([a-z_]+)'/).map { String($0.1) }
        + source.matches(of: /tell\(id, '[^']+', '([a-z_]+)'\)/).map { String($0.1) }
    }
    #expect(Set(counted) == Set(MetricFamily.repairs.initial.map { $0[0] }))
  }

  @Test func `A key of another type is an error, and a sum that is no number begins again`() async throws {
    let growths = [Meter.Growth("fallbacks", 1), Meter.Growth("steps:done:a", 1)]
    try await bench.send("SET", bench.prefix + "metrics", "x")
    await #expect(throws: StoreError.self) { try await bench.store.add(growths, of: "one", number: 1) }
    await #expect(throws: StoreError.self) { _ = try await bench.store.metrics() }
    try await bench.send("DEL", bench.prefix + "metrics")
    try await bench.send("HSET", bench.prefix + "metrics", "fallbacks", "many", "steps:done:a", "\(Int.max)")
    try await bench.send("HSET", bench.prefix + "metrics:one", "a", "b")
    try await bench.store.add(growths, of: "one", number: 1)
    #expect(try await sums() == ["fallbacks": "1", "steps:done:a": "1"])
  }

  @Test func `When there are as many fields as may be, known ones still grow`() async throws {
    var full: [Meter.Growth] = [Meter.Growth("fallbacks", 1)]
    for number in 1..<RunStore.mostMetrics { full.append(Meter.Growth("model_cost:m\(number)", 1)) }
    #expect(try await bench.store.add(full, of: "one", number: 1) == 0)
    let more = [Meter.Growth("fallbacks", 1), Meter.Growth("model_cost:late", 1)]
    #expect(try await bench.store.add(more, of: "one", number: 2) == 1)
    let sums = try await sums()
    #expect(sums["fallbacks"] == "2")
    #expect(sums["model_cost:late"] == nil)
  }

  @Test func `Each end of a run counts once, with its code, however often it is sent`() async throws {
    for number in 1...2 {
      try await bench.submit()
      let run = try await bench.claimOne("claim\(number)")
      for _ in 1...2 {
        try await bench.record(run, 1) { batch in
          if number == 1 {
            batch.finish(done: [], stores: [])
          } else {
            batch.log(.failed(StepFailure(.providerRejected, "no")))
            batch.end = .failed(StepFailure(.providerRejected, "no"))
          }
        }
      }
    }
    let id = try await bench.submit()
    for _ in 1...2 { _ = try await bench.store.control(.cancel, [id]) }
    #expect(
      try await sums() == [
        "runs_ended:finished": "1", "runs_ended:failed": "1", "runs_failed:provider_rejected": "1",
        "runs_ended:cancelled": "1",
      ])
  }

  @Test func `Counts that cannot be kept do not prevent the end of a run`() async throws {
    try await bench.send("SET", bench.prefix + "metrics", "x")
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    #expect(try await bench.record(run, 1) { $0.finish(done: [], stores: []) } == .recorded)
    #expect(try await bench.store.facts(of: id)?.status == .finished)
    #expect(try await bench.text("metrics") == "x")
  }

  @Test func `Placeholders count for good`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    for _ in 1...2 {
      try await bench.record(run, 1) { batch in
        for step in ["a", "b"] {
          batch.log(.modelFallback(step: step, StepFailure(.providerRejected, "no"), usage: .null))
          batch.checkpoint(step, "{}")
        }
      }
    }
    #expect(try await sums() == ["fallbacks": "2"])
  }

  @Test func `A lapsed lease counts by what becomes of its run, and as a crash where a step was under way`()
    async throws
  {
    let (idle, busy) = (try await bench.submit(), try await bench.submit())
    let runs = try await bench.claimRuns(2)
    let run = try #require(runs.first { $0.id == busy })
    try await bench.record(run, 1) { $0.begin(.stepStart(step: "a", op: "note")) }
    for id in [idle, busy] { try await bench.lapse(id) }
    #expect(try await bench.store.recover().count == 2)
    #expect(try await sums() == ["leases_recovered:requeued": "2", "run_crashes": "1"])
  }

  @Test func `A first claim says how long the run has waited, a later one when it was first started`() async throws {
    let id = try await bench.submit()
    try await bench.send("HSET", bench.prefix + "job:\(id)", "created_ts", "1000000000.000000")
    let first = try await bench.claimOne()
    #expect(try #require(first.waited) > .seconds(60 * 60 * 24))
    #expect(first.startedAt == first.claimedAt)
    try await bench.record(first, 1) { $0.end = .handedBack(asSuspect: false) }
    try await bench.send("HSET", bench.prefix + "job:\(id)", "started_ts", "1000000001.000000")
    let second = try await bench.claimOne("again")
    #expect(second.waited == nil)
    #expect(second.startedAt == Timestamp(microseconds: 1_000_000_001_000_000))
  }

  @Test func `A sender sends a portion that had no answer again as it is, and counts nothing twice`() async throws {
    let meter = Meter()
    let sender = MetricsSender(meter, to: bench.store, logger: .silent)
    let series = meter.series(.fallbacks)
    meter.add(series)
    try await sender.flush()
    // The answer is an error: what was sent is kept.
    try await bench.send("RENAME", bench.prefix + "metrics", bench.prefix + "aside")
    try await bench.send("SET", bench.prefix + "metrics", "x")
    meter.add(series)
    await #expect(throws: StoreError.self) { try await sender.flush() }
    meter.add(series)
    try await bench.send("RENAME", bench.prefix + "aside", bench.prefix + "metrics")
    try await sender.flush()
    #expect(try await bench.hash("metrics")["fallbacks"] == "3")
    try await sender.flush()
    #expect(try await bench.hash("metrics")["fallbacks"] == "3")
  }
}
