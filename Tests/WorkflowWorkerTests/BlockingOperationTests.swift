import Dispatch
import ExactJSON
import Hiredis
import Logging
import RedisFixture
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// An operation that blocks its thread delays no other run.
@Suite(.timeLimit(.minutes(5))) struct BlockingOperationTests {
  private let server = RedisServer()
  private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

  /// Holds its thread until the gate is opened.
  private struct Hold: WorkflowOperations.Operation {
    let name = "hold"
    let parameters = ParameterSchema([.init("field", .string())])
    let gate: DispatchSemaphore

    func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
      wait()
      return .outputs([:])
    }

    private func wait() { gate.wait() }
  }

  private func submit(_ op: String, to store: RunStore) async throws -> JobID {
    let id = JobID()
    let steps = #"[{"id":"a","op":"\#(op)","needs":[],"params":{"field":"text"}}]"#
    _ = try await store.submit(
      Submission(
        id: id, runName: op, steps: Array(steps.utf8), inputs: Array("{}".utf8), requirements: [op],
        requestID: "request")
    )
    return id
  }

  /// Waits until a condition holds for a run.
  private func wait(for id: JobID, in store: RunStore, _ holds: (StoredRun) -> Bool) async throws {
    while !holds(try #require(try await store.status(of: id))) { try Task.checkCancellation() }
  }

  private func end(of id: JobID, in store: RunStore) async throws {
    try await wait(for: id, in: store) { $0.status.isTerminal }
    #expect(try await store.status(of: id)?.status == .finished)
  }

  @Test func `A run continues while a step of another run blocks its thread`() async throws {
    let gate = DispatchSemaphore(value: 0)
    defer { gate.signal() }
    let address = try server.address()
    let worker = Worker(
      configuration: WorkerConfiguration(), registry: OperationRegistry([Hold(gate: gate), Preprocess()]),
      redis: address, keys: Keys(), limits: RunStore.Limits(), logger: logger)
    let running = Task { try await worker.run() }
    let store = RunStore(
      RedisConnection(address, name: "test", logger: logger), keys: Keys(), timeout: .seconds(20))
    let held = try await submit("hold", to: store)
    try await wait(for: held, in: store) { $0.progress.count == 3 }
    try await end(of: submit("preprocess", to: store), in: store)
    gate.signal()
    try await end(of: held, in: store)
    running.cancel()
    try await running.value
  }
}
