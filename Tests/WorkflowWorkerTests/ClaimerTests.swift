import Hiredis
import Logging
import RedisFixture
import Synchronization
import Testing
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// When a worker counts as stalled, which ends its process.
@Suite(.timeLimit(.minutes(1))) struct ClaimerTests {
  private let server = RedisServer()
  private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

  private func claimer(patience: Duration, pulses: CallCount) throws -> Claimer {
    let redis = RedisConnection(try server.address(), name: "test", logger: logger)
    let store = RunStore(redis, keys: Keys(), timeout: .seconds(20))
    let hands = RunsInHand(limit: 64)
    let executor = Executor(
      registry: OperationRegistry([]), limits: .init(outputBytes: 1, runBytes: 1, progressEntryBytes: 1),
      hands: hands, records: GroupCommit(store, large: store), ended: EndedRuns(), clock: RedisClock())
    return Claimer(
      store: store, executor: executor, hands: hands, worker: "w", configuration: WorkerConfiguration(),
      logger: logger, pulse: { pulses.add() }, isReachable: { true }, patience: patience)
  }

  @Test(arguments: [
    ["CONFIG", "SET", "min-replicas-to-write", "1"], ["ACL", "SETUSER", "default", "-evalsha"],
    ["ACL", "SETUSER", "default", "-lpop"],
  ])
  func `A claim that Redis refuses is an answer, for however long it does`(refusal: [String]) async throws {
    let admin = RedisConnection(try server.address(), name: "admin", logger: logger)
    var command = RedisArguments()
    for word in refusal { command.append(word) }
    _ = try await admin.send(command, timeout: .seconds(20))
    let pulses = CallCount()
    let claimer = try claimer(patience: .milliseconds(1_500), pulses: pulses)
    let task = Task { await claimer.run() }
    // A pulse a second; the third is later than the claimer is patient.
    while pulses.value < 5 {
      try Task.checkCancellation()
      _ = try await admin.send(["PING"], timeout: .seconds(20))
    }
    claimer.stop()
    await task.value
  }
}
