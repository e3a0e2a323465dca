import ExactJSON
import Glibc
import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// Workers announce themselves, and take no runs while they are drained.
@Suite(.timeLimit(.minutes(2))) struct AnnouncerTests {
  private let bench: WorkerBench

  init() throws { bench = try WorkerBench() }

  private func send(_ words: String...) async throws {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    _ = try await bench.redis.send(arguments, timeout: .seconds(20))
  }

  private func worker() async throws -> LiveWorker {
    while true {
      try Task.checkCancellation()
      let found = try? await bench.partitions.all[0].liveWorkers().workers.first
      if let found, found.announcement != nil { return found }
    }
  }

  private func worker(_ state: WorkerState) async throws -> LiveWorker {
    while true {
      let found = try await worker()
      if found.announcement?.state == state { return found }
    }
  }

  /// Waits until the worker itself says what it does: from the request on it counts as draining.
  private func saysItself(_ state: String) async throws {
    let store = bench.partitions.all[0]
    while true {
      let id = try await worker().id
      var arguments: RedisArguments = ["HGET"]
      for word in ["\(store.keys.prefix)worker:\(id)", "state"] { arguments.append(word) }
      if try await bench.redis.send(arguments, timeout: .seconds(20)).string == state { return }
    }
  }

  @Test func `A worker announces its operations, and again after FLUSHALL`() async throws {
    try await bench.withWorkers([Holding()]) {
      for _ in 0..<2 {
        let found = try #require(try await worker().announcement)
        #expect(found.facts.slots == 64 && found.facts.processID == Int(getpid()))
        let bytes = try #require(try await bench.partitions.all[0].abilities(found.abilities))
        var unreadable: [String] = []
        let abilities = WorkerAbilities(bytes, unreadable: &unreadable)
        #expect(abilities?.operations.keys.sorted() == ["hold"])
        #expect(abilities?.fields == WorkflowDefinition.newerFields)
        try await send("FLUSHALL")
      }
    }
    #expect(try await bench.partitions.all[0].liveWorkers().workers.isEmpty)
  }

  @Test func `A drained worker finishes what it has, takes no more, and takes runs again when told`() async throws {
    let operation = Holding()
    try await bench.withWorkers([operation]) {
      let first = try await bench.submit([("a", "hold")])
      await operation.waitForCall()
      let store = bench.partitions.all[0]
      #expect(try await store.setDraining(true, worker: try await worker().id))
      try await saysItself("draining")
      #expect(try await worker(.draining).announcement?.runs == 1)
      let second = try await bench.submit([("a", "hold")])
      operation.release()
      _ = try await bench.run(first) { $0.status == .finished }
      let drained = try await worker(.drained)
      #expect(drained.announcement?.runs == 0)
      // FLUSHALL would lose the run; what the worker says is gone all the same.
      try await send("DEL", "\(store.keys.prefix)worker:\(drained.id)")
      _ = try await worker(.drained)
      #expect(try await bench.status(of: second)?.status == .queued)
      operation.release()
      #expect(try await store.setDraining(false, worker: drained.id))
      _ = try await bench.run(second) { $0.status == .finished }
      _ = try await worker(.working)
    }
  }

  @Test func `A worker whose channel says nothing is drained all the same`() async throws {
    try await bench.withWorkers([Holding()]) {
      let id = try await worker().id
      let prefix = bench.partitions.all[0].keys.prefix
      try await send("HSET", "\(prefix)worker:\(id)", "drain", "1")
      _ = try await worker(.drained)
      try await send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      try await send("CLIENT", "KILL", "TYPE", "pubsub")
      try await send("DEL", "\(prefix)worker:\(id)")
      #expect(try await worker(.drained).id == id)
    }
  }

  @Test func `A worker without room for its schemas announces none, and works`() async throws {
    let long = Holding(summary: String(repeating: "x", count: RunStore.mostAbilityBytes))
    long.release()
    try await bench.withWorkers([long]) {
      let found = try #require(try await worker().announcement)
      let bytes = try #require(try await bench.partitions.all[0].abilities(found.abilities))
      #expect(bytes.count < 1_000)
      let id = try await bench.submit([("a", "hold")])
      _ = try await bench.run(id) { $0.status == .finished }
    }
  }
}

/// Ends once for each release.
private final class Holding: WorkflowOperations.Operation {
  let name = "hold"
  let parameters: ParameterSchema
  private let calls = AsyncStream<Void>.makeStream()
  private let releases = AsyncStream<Void>.makeStream()

  init(summary: String = "") { parameters = ParameterSchema([.init("a", .any, summary: summary)]) }

  func waitForCall() async { for await _ in calls.stream { return } }
  func release() { releases.continuation.yield() }

  func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    calls.continuation.yield()
    for await _ in releases.stream { break }
    return .outputs([:])
  }
}
