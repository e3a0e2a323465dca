import ExactJSON
import Hiredis
import Logging
import RedisFixture
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowWorker

/// When a recoverer takes a lapsed lease from a real Redis.
@Suite(.timeLimit(.minutes(2))) struct RecovererTests {
  private let server = RedisServer()
  private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
  private let lease = Duration.seconds(3)
  /// A lease whose heartbeats are further apart than the turns of a recoverer.
  private let longLease = Duration.seconds(6)
  private let redis: RedisConnection
  private let store: RunStore

  init() throws {
    redis = RedisConnection(try server.address(), name: "test", logger: logger)
    store = RunStore(redis, keys: Keys(), timeout: .seconds(20))
  }

  /// Submits runs and has a worker take them, which renews nothing.
  private func hold(_ count: Int, lease: Duration = .seconds(3)) async throws -> [HeldRun] {
    let steps = Array(#"[{"id":"a","op":"note","needs":[],"params":{}}]"#.utf8)
    try await withThrowingTaskGroup(of: Void.self) { [store] group in
      for _ in 0..<count {
        let submission = Submission(
          id: JobID(), runName: "run", steps: steps, inputs: Array("{}".utf8), requirements: ["note"],
          requestID: "request")
        group.addTask { _ = try await store.submit(submission) }
      }
      try await group.waitForAll()
    }
    let classes = RunClasses(["note"])
    var held: [HeldRun] = []
    while held.count < count {
      let request = ClaimRequest(
        id: "c\(held.count)", worker: "w", runs: 128, held: held.count, lease: lease, classes: classes)
      held += try await store.claim(request).runs.map { HeldRun(id: $0.id, token: $0.token) }
    }
    return held
  }

  /// Lets time pass while Redis answers.
  private func pass(_ time: Duration) async throws {
    let end = ContinuousClock.now + time
    while ContinuousClock.now < end { _ = try await redis.send(["PING"], timeout: .seconds(20)) }
  }

  private func isStarted(_ run: HeldRun) async throws -> Bool { try await store.status(of: run.id)?.status == .started }

  private func recoverer(lease: Duration? = nil) -> Recoverer {
    Recoverer(
      store: store, worker: "recoverer", lease: lease ?? self.lease, outages: OutageLog("recovery", logger: logger),
      logger: logger)
  }

  @Test func `Once writes are allowed again the living have a lease of time before anything is taken`() async throws {
    let run = try #require(try await hold(1).first)
    _ = try await redis.send(["CONFIG", "SET", "min-replicas-to-write", "1"], timeout: .seconds(20))
    var recoverer = recoverer()
    let task = Task { await recoverer.run() }
    // So long that turns have been refused, and that the wait which the first refusal restarted is almost over.
    try await pass(.milliseconds(6_500))
    let allowed = ContinuousClock.now
    _ = try await redis.send(["CONFIG", "SET", "min-replicas-to-write", "0"], timeout: .seconds(20))
    while try await isStarted(run) { try Task.checkCancellation() }
    #expect(ContinuousClock.now - allowed > lease * 0.9)
    task.cancel()
    await task.value
  }

  @Test(arguments: [500, 5_000])
  func `However many runs a dead worker had, they are back within a lease and two seconds`(count: Int) async throws {
    let held = try await hold(count)
    let death = ContinuousClock.now
    var recoverer = recoverer()
    let task = Task { await recoverer.run() }
    while try await redis.send(["ZCARD", "wf:leases"], timeout: .seconds(20)).int != 0 { try Task.checkCancellation() }
    #expect(ContinuousClock.now - death < lease + .seconds(2))
    #expect(try await redis.send(["LLEN", "wf:queue:2:c51048b7:normal"], timeout: .seconds(20)).int == held.count)
    task.cancel()
    await task.value
  }

  @Test(arguments: [60, -3_600])
  func `A step of Redis's clock takes no run from the living, and keeps none of the dead`(seconds: Int) async throws {
    let lease = longLease
    let runs = try await hold(2, lease: lease)
    let activeRuns = ActiveRuns(limit: 64)
    activeRuns.acquire(runs[0], isQuarantined: false) { try? await Task.sleep(for: .seconds(3_600)) }
    let eyes = RedisConnection(try server.address(), name: "beat", logger: logger)
    let heartbeat = Heartbeat(
      partitions: Partitions(eyes, keys: Keys(), timeout: .seconds(20)), activeRuns: activeRuns, worker: "w",
      lease: lease, logger: logger)
    heartbeat.start()
    var recoverer = recoverer(lease: lease)
    let task = Task { await recoverer.run() }
    // The recoverer has come to where it may take leases; the dead run's has not lapsed yet.
    try await renew(runs[1], for: lease * 1.5)
    // Just after a heartbeat: the recoverer has its turn before the next one.
    let last = try await leaseEnd(of: runs[0])
    while try await leaseEnd(of: runs[0]) == last { try Task.checkCancellation() }
    server.clock.set(.seconds(seconds))
    let step = ContinuousClock.now
    while try await isStarted(runs[1]) {
      try Task.checkCancellation()
      #expect(try await isStarted(runs[0]))
    }
    #expect(ContinuousClock.now - step < lease * 2 + .seconds(2))
    try await pass(lease)
    #expect(try await isStarted(runs[0]))
    #expect(try await store.health().workers == 1)
    task.cancel()
    await task.value
    await heartbeat.stop()
    activeRuns.handBackAll()
  }

  private func leaseEnd(of run: HeldRun) async throws -> String? {
    var command: RedisArguments = ["ZSCORE", "wf:leases"]
    command.append(run.id.description)
    return try await redis.send(command, timeout: .seconds(20)).string
  }

  /// Keeps a run for so long as its worker would, that then dies.
  private func renew(_ run: HeldRun, for time: Duration) async throws {
    let end = ContinuousClock.now + time
    while ContinuousClock.now < end {
      var command: RedisArguments = ["ZADD", "wf:leases", "XX"]
      let now = try await redis.send(["TIME"], timeout: .seconds(20)).array?.first?.int ?? 0
      command.append((now + 6) * 1_000)
      command.append(run.id.description)
      _ = try await redis.send(command, timeout: .seconds(20))
    }
  }
}
