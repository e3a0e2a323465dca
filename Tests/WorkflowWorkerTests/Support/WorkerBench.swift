import Dispatch
import ExactJSON
import Hiredis
import Logging
import RedisFixture
import Synchronization
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// A real Redis, and workers of a test's own operations in this process.
final class WorkerBench: Sendable {
  let server: RedisServer
  let partitions: Partitions
  let redis: RedisConnection
  private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

  init(_ server: RedisServer = RedisServer()) throws {
    self.server = server
    redis = RedisConnection(try server.address(), name: "test", logger: logger)
    partitions = Partitions(redis, keys: Keys(), count: TestPartitions.count, timeout: .seconds(20))
  }

  deinit { redis.close() }

  /// Runs a body while workers run, one for each list of operations.
  func withWorkers(
    _ operations: [any WorkflowOperations.Operation]..., at address: RedisAddress? = nil,
    configure: (inout WorkerConfiguration) -> Void = { _ in }, _ body: () async throws -> Void
  ) async throws {
    var configuration = WorkerConfiguration()
    configuration.lease = .seconds(2)
    configure(&configuration)
    let address = try address ?? server.address()
    let workers = operations.map { [configuration, logger] operations in
      let worker = Worker(
        configuration: configuration, registry: OperationRegistry(operations), redis: address, keys: Keys(),
        partitions: TestPartitions.count, limits: RunStore.Limits(), logger: logger)
      return Task { try await worker.run() }
    }
    do {
      try await body()
    } catch {
      workers.forEach { $0.cancel() }
      throw error
    }
    for worker in workers {
      worker.cancel()
      try await worker.value
    }
  }

  /// Submits a run of steps `id: operation`, each of which needs the one before.
  func submit(_ steps: [(id: String, op: String)], inputs: JSONObject = [:]) async throws -> JobID {
    let definitions = steps.enumerated().map { index, step in
      StepDefinition(id: step.id, op: step.op, needs: index == 0 ? [] : [Need(steps[index - 1].id)], params: [:])
    }
    return try await submit(definitions, inputs: inputs)
  }

  func submit(_ steps: [StepDefinition], inputs: JSONObject = [:]) async throws -> JobID {
    let id = JobID()
    let answer = try await partitions.store(of: id).submit(
      Submission(
        id: id, runName: "run", steps: JSONValue.array(steps.map(\.json)).bytes, inputs: JSONValue.object(inputs).bytes,
        requirements: Set(steps.map(\.op)), requestID: "request"))
    #expect(answer == .accepted(id))
    return id
  }

  func status(of id: JobID) async throws -> StoredRun? { try await partitions.store(of: id).status(of: id) }

  /// Waits until something holds of a run.
  func run(_ id: JobID, _ holds: (StoredRun) -> Bool) async throws -> StoredRun {
    while true {
      try Task.checkCancellation()
      if let run = try? await status(of: id), holds(run) { return run }
      try await ContinuousClock().sleep(for: .milliseconds(2))
    }
  }

  /// Waits for the end of a run.
  func end(of id: JobID) async throws -> StoredRun { try await run(id) { $0.status.isTerminal } }
}

extension StoredRun {
  /// The entries of the log without their times.
  var log: [String] {
    progress.map { "{" + String(decoding: $0, as: UTF8.self).drop { $0 != "," }.dropFirst() }
  }
}

/// An operation that does what a test says, and counts how often.
struct Scripted: WorkflowOperations.Operation {
  let name: String
  let parameters = ParameterSchema([])
  let isImmediate: Bool
  let calls = CallCount()
  private let body: @Sendable (Invocation) async throws(StepError) -> OperationResult

  init(
    _ name: String, isImmediate: Bool = false,
    _ body: @escaping @Sendable (Invocation) async throws(StepError) -> OperationResult = { _ in .outputs([:]) }
  ) {
    self.name = name
    self.isImmediate = isImmediate
    self.body = body
  }

  func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    calls.add()
    return try await body(invocation)
  }
}

/// How often something happened.
final class CallCount: Sendable {
  private let count = Atomic(0)
  var value: Int { count.load(ordering: .acquiring) }
  func add() { count.add(1, ordering: .acquiringAndReleasing) }
}

/// Holds tasks until it is opened.
final class Latch: Sendable {
  private let stream = AsyncStream<Never>.makeStream()

  func open() { stream.continuation.finish() }
  func wait() async { for await _ in stream.stream {} }
}
