import Dispatch
import ExactJSON
import Hiredis
import Logging
import RedisFixture
import Synchronization
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowWorker

/// The heartbeat renews leases even when every thread of the pool is busy.
@Suite(.timeLimit(.minutes(5))) struct HeartbeatTests {
  private let server = RedisServer()
  private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

  private func store(_ name: String) throws -> RunStore {
    RunStore(
      RedisConnection(try server.address(), name: name, logger: logger), keys: Keys(), timeout: .seconds(20))
  }

  @Test func `Steps that block every thread of the pool do not stop the heartbeat`() async throws {
    let store = try store("test")
    let id = JobID()
    let steps = #"[{"id":"a","op":"note","needs":[],"params":{}}]"#
    _ = try await store.submit(
      Submission(
        id: id, runName: "run", steps: Array(steps.utf8), inputs: Array("{}".utf8), requirements: ["note"],
        requestID: "request"))
    let lease = Duration.seconds(1)
    let claim = try await store.claim(
      ClaimRequest(id: "c", worker: "w", runs: 1, lease: lease, classes: RunClasses(["note"])))
    let activeRuns = ActiveRuns(limit: 64)
    let run = try #require(claim.runs.first)
    activeRuns.acquire(HeldRun(id: run.id, token: run.token), isQuarantined: false) {
      try? await Task.sleep(for: .seconds(3_600))
    }
    let heartbeat = Heartbeat(
      partitions: Partitions(try self.store("beat")), activeRuns: activeRuns, worker: "w", lease: lease, logger: logger)
    heartbeat.start()

    let redis = RedisConnection(try server.address(), name: "eyes", logger: logger)
    defer { redis.close() }
    let gate = Gate()
    for _ in 0..<64 { Task { gate.pass() } }
    let renewals = await withCheckedContinuation { continuation in
      // A queue of its own has a thread of its own.
      DispatchQueue(label: "eyes").async {
        continuation.resume(returning: HeartbeatTests.count(of: redis, id))
        gate.open()
      }
    }
    #expect(renewals == 6)
    await heartbeat.stop()
    activeRuns.handBackAll()
  }

  /// Counts the renewals of a lease up to six, in as many leases as that takes ten times over; blocks.
  private static func count(of redis: RedisConnection, _ id: JobID) -> Int {
    var ends = Set<String>()
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(10), ends.count < 6 {
      if let end = Self.end(of: redis, id) { ends.insert(end) }
    }
    return ends.count
  }

  /// When a lease ends; blocks, since no thread of the pool is free for a task.
  private static func end(of redis: RedisConnection, _ id: JobID) -> String? {
    let answer = Answer()
    redis.evaluate(leaseEnd, keys: ["wf:leases"], arguments: ["\(id)"], timeout: .seconds(10)) { outcome in
      answer.text.withLock { $0 = (try? outcome.get())?.string }
      answer.arrived.signal()
    }
    answer.arrived.wait()
    return answer.text.withLock { $0 }
  }

  private static let leaseEnd = RedisScript(name: "end", source: "return redis.call('ZSCORE', KEYS[1], ARGV[1])")
}

/// What a thread waits for.
private final class Answer: Sendable {
  let text = Mutex<String?>(nil)
  let arrived = DispatchSemaphore(value: 0)
}

/// Blocks every thread that passes it until it is opened.
private final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func pass() {
    semaphore.wait()
    semaphore.signal()
  }

  func open() { semaphore.signal() }
}
