import ExactJSON
import Hiredis
import Metrics
import RedisFixture
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// What workers count of runs, steps, attempts and calls of models.
@Suite(.timeLimit(.minutes(2))) struct MetricsTests {
  /// The sums of all partitions, by field.
  private func sums(_ bench: WorkerBench) async throws -> [String: Int] {
    var sums: [String: Int] = [:]
    for store in bench.partitions.all {
      for growth in try await store.metrics() { sums[growth.field, default: 0] += growth.amount }
    }
    return sums
  }

  /// How many observations a histogram has.
  private func count(_ sums: [String: Int], _ field: String, _ labels: String = "") -> Int {
    sums.filter { name, _ in
      name.hasPrefix(field + ":") && name.hasSuffix(labels) && !name.hasPrefix("\(field):sum")
    }.values.reduce(0, +)
  }

  @Test func `A worker that stops leaves what it has counted`() async throws {
    let bench = try WorkerBench()
    let fails = Scripted("fails") { _ throws(StepError) in throw .failed(StepFailure(.providerRejected, "no")) }
    try await bench.withWorkers([Scripted("plain", isImmediate: true), Scripted("slow"), fails]) {
      let good = try await bench.submit([("a", "plain"), ("b", "slow"), ("c", "plain")])
      let bad = try await bench.submit([("a", "plain"), ("b", "fails"), ("c", "plain")])
      #expect(try await bench.end(of: good).facts.status == .finished)
      #expect(try await bench.end(of: bad).facts.status == .failed)
    }
    let sums = try await sums(bench)
    let expected = [
      "runs_ended:finished": 1, "runs_ended:failed": 1, "runs_failed:provider_rejected": 1, "steps:done:plain": 3,
      "steps:done:slow": 1, "steps:failed:fails": 1, "step_attempts:ok:plain": 3, "step_attempts:ok:slow": 1,
      "step_attempts:provider_rejected:fails": 1,
    ]
    for (field, amount) in expected { #expect(sums[field] == amount, "\(field)") }
    #expect(count(sums, "run_queue_seconds") == 2)
    #expect(count(sums, "run_seconds") == 2)
    #expect(count(sums, "step_attempt_seconds", ":plain") == 3)
    #expect(count(sums, "redis_command_seconds", ":worker:claim") > 0)
    #expect(sums["leases_lost"] == nil)
  }

  @Test func `Two workers, one after the other, are one sum`() async throws {
    let bench = try WorkerBench()
    for _ in 1...2 {
      try await bench.withWorkers([Scripted("plain", isImmediate: true)]) {
        let id = try await bench.submit([("a", "plain")])
        #expect(try await bench.end(of: id).facts.status == .finished)
      }
    }
    #expect(try await sums(bench)["step_attempts:ok:plain"] == 2)
  }

  @Test func `A run that was cancelled is no lost lease, and one that is another's is`() async throws {
    let bench = try WorkerBench()
    let started = CallCount()
    let waits = Scripted("waits") { _ throws(StepError) in
      started.add()
      // Until it is cancelled.
      try? await Task.sleep(for: .seconds(600))
      throw .cancelled
    }
    try await bench.withWorkers([waits]) {
      let cancelled = try await bench.submit([("a", "waits")])
      let taken = try await bench.submit([("a", "waits")])
      _ = try await bench.run(cancelled) { _ in started.value == 2 }
      _ = try await bench.partitions.control(.cancel, [cancelled])
      // As recovery does it: the run is another worker's from now on.
      let prefix = bench.partitions.store(of: taken).keys.prefix
      let hold = try await bench.redis.send(["HGET", "\(prefix)holds", "\(taken)"], timeout: .seconds(5)).string ?? ""
      let rest = hold.drop { $0 != " " }
      _ = try await bench.redis.send(
        ["HSET", "\(prefix)holds", "\(taken)", "9-other/1\(rest)"], timeout: .seconds(5))
      while try await sums(bench)["leases_lost"] == nil {
        try Task.checkCancellation()
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    let figures = try await sums(bench)
    #expect(figures["leases_lost"] == 1)
    #expect(figures["runs_ended:cancelled"] == 1)
  }

  @Test func `A call of a model counts with its tokens, its cost and its first text`() throws {
    let meter = Meter()
    let worker = WorkerMeter(meter)
    var usage = ModelUsage()
    (usage.calls, usage.input, usage.cachedInput, usage.output) = (1, 30, 10, 5)
    usage.cost = Cost(billionths: 125)
    worker.called("m", ModelCallEnd(.answered, usage: usage, took: .seconds(2), firstText: .milliseconds(300)))
    worker.called("m", ModelCallEnd(.broken, took: .seconds(1)))
    let sums = Dictionary(meter.take().map { ($0.field, $0.amount) }, uniquingKeysWith: +)
    #expect(
      sums == [
        "model_calls:answered:m": 1, "model_calls:broken:m": 1, "model_call_seconds:2500000:m": 1,
        "model_call_seconds:1000000:m": 1, "model_call_seconds:sum:m": 3_000_000,
        "model_first_token_seconds:500000:m": 1, "model_first_token_seconds:sum:m": 300_000, "model_cost:m": 125,
        "model_tokens:input:m": 30, "model_tokens:cached:m": 10, "model_tokens:output:m": 5,
      ])
  }

  @Test func `A call that waits for its turn is no attempt, until the step fails without another one`() async throws {
    let bench = try WorkerBench()
    let (turns, isWaiting) = (CallCount(), Latch())
    @Sendable func wait(for time: Duration) -> StepError {
      var details = StepFailure.Details()
      (details.waitsFor, details.retryAfter) = (.calls, time)
      return .failed(StepFailure(.rateLimited, "the model has its calls", details))
    }
    let waits = Scripted("waits") { _ throws(StepError) in
      turns.add()
      if turns.value < 3 { throw wait(for: .milliseconds(1)) }
      return .outputs([:])
    }
    let starves = Scripted("starves") { _ throws(StepError) in throw wait(for: .seconds(600)) }
    let fails = Scripted("fails") { _ throws(StepError) in
      await isWaiting.wait()
      throw .failed(StepFailure(.providerRejected, "no"))
    }
    try await bench.withWorkers([waits, starves, fails]) {
      let good = try await bench.submit([("a", "waits")])
      #expect(try await bench.end(of: good).facts.status == .finished)
      let bad = try await bench.submit([
        StepDefinition(id: "a", op: "starves", needs: [], params: [:]),
        StepDefinition(id: "b", op: "fails", needs: [], params: [:]),
      ])
      _ = try await bench.run(bad) { $0.log.contains { $0.contains("step_retry") } }
      isWaiting.open()
      #expect(try await bench.end(of: bad).facts.errorCode == "provider_rejected")
    }
    let sums = try await sums(bench).filter { $0.key.hasPrefix("step") && !$0.key.hasPrefix("step_attempt_seconds") }
    #expect(
      sums == [
        "steps:done:waits": 1, "steps:failed:starves": 1, "steps:failed:fails": 1, "step_attempts:ok:waits": 1,
        "step_attempts:rate_limited:starves": 1, "step_attempts:provider_rejected:fails": 1,
      ])
  }
}
