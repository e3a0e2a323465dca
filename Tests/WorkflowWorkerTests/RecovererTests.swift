import ExactJSON
import Hiredis
import Logging
import RedisFixture
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowWorker

/// When a recoverer takes a lapsed lease from a real Redis.
@Suite(.timeLimit(.minutes(1))) struct RecovererTests {
  private let server = RedisServer()
  private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
  private let lease = Duration.seconds(3)

  @Test func `Once writes are allowed again the living have a lease of time before anything is taken`() async throws {
    let redis = RedisConnection(try server.address(), name: "test", logger: logger)
    let store = RunStore(redis, keys: Keys(), timeout: .seconds(20))
    let id = JobID()
    let steps = #"[{"id":"a","op":"note","needs":[],"params":{}}]"#
    _ = try await store.submit(
      Submission(id: id, runName: "run", steps: Array(steps.utf8), inputs: Array("{}".utf8), requestID: "request"))
    _ = try await store.claim(ClaimRequest(id: "c", worker: "w", runs: 1, lease: lease))
    _ = try await redis.send(["CONFIG", "SET", "min-replicas-to-write", "1"], timeout: .seconds(20))
    var recoverer = Recoverer(store: store, lease: lease, logger: logger)
    let task = Task { await recoverer.run() }
    // So long that turns have been refused, and that the wait which the first refusal began is almost over.
    try await wait(for: .milliseconds(6_500))
    let allowed = ContinuousClock.now
    _ = try await redis.send(["CONFIG", "SET", "min-replicas-to-write", "0"], timeout: .seconds(20))
    while try await store.status(of: id)?.status != .queued { try Task.checkCancellation() }
    #expect(ContinuousClock.now - allowed > lease * 0.9)
    task.cancel()
    await task.value

    func wait(for time: Duration) async throws {
      let end = ContinuousClock.now + time
      while ContinuousClock.now < end { _ = try await redis.send(["PING"], timeout: .seconds(20)) }
    }
  }
}
