import Hiredis
import Logging
import RedisFixture
import Synchronization
import Testing
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// When a worker counts as stalled, so that its process is restarted.
@Suite(.timeLimit(.minutes(5))) struct ClaimerTests {
  private let server = RedisServer()
  private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

  private func claimer(timeout: Duration, ticks: CallCount) throws -> Claimer {
    let redis = RedisConnection(try server.address(), name: "test", logger: logger)
    let partitions = Partitions(redis, keys: Keys(), timeout: .seconds(20))
    let activeRuns = ActiveRuns(limit: 64)
    let executor = Executor(
      registry: OperationRegistry([]), limits: .init(outputBytes: 1, runBytes: 1, progressEntryBytes: 1),
      activeRuns: activeRuns, ended: EndedRuns(), clock: RedisClock(),
      texts: TextPublisher { $0.map { _ in .unanswered } },
      send: ScriptedStore().send)
    return Claimer(
      partitions: partitions, executor: executor, activeRuns: activeRuns, worker: "w", lease: .seconds(15),
      logger: logger, watchdogTick: { _ in ticks.add() }, isReachable: { true }, timeout: timeout)
  }

  @Test(arguments: [
    ["CONFIG", "SET", "min-replicas-to-write", "1"], ["ACL", "SETUSER", "default", "-evalsha"],
    ["ACL", "SETUSER", "default", "-lpop"],
  ])
  func `A claim that Redis refuses counts as an answer, however long Redis refuses`(refusal: [String]) async throws {
    let admin = RedisConnection(try server.address(), name: "admin", logger: logger)
    var command = RedisArguments()
    for word in refusal { command.append(word) }
    _ = try await admin.send(command, timeout: .seconds(20))
    let ticks = CallCount()
    let claimer = try claimer(timeout: .milliseconds(1_500), ticks: ticks)
    let task = Task { await claimer.run() }
    // One tick a second; the third comes after the timeout.
    while ticks.value < 5 {
      try Task.checkCancellation()
      _ = try await admin.send(["PING"], timeout: .seconds(20))
    }
    claimer.stop()
    await task.value
  }
}
