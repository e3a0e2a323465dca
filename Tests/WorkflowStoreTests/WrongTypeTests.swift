import ExactJSON
import Hiredis
import Testing
import Workflow
import WorkflowStore

/// Every key of wf, given another type before each call of a run's life.
@Suite(.timeLimit(.minutes(2))) struct WrongTypeTests {
  /// The calls that a run meets on its way.
  enum Call: CaseIterable {
    case submit, claim, reconcileQueued, checkpoint, degrade, finish, fail, handBack, heartbeat, reconcileStarted
    case recover
  }

  private static let hashes = [
    "classes", "holds", "serves", "recovery", "lease_lengths", "repairs", "fallbacks", "job:{id}", "outputs:{id}",
  ]
  private static let others = [
    "elected", "live", "idle", "leases", "timers", "workers", "dead", "database", Bench.queue, Bench.suspects,
    "claim:w", "idempotency:key", "store:x", "progress:{id}", "result:{id}", "docs:{id}", "part:{id}",
  ]

  private let bench: Bench
  private let id = JobID()

  init() throws { bench = try Bench() }

  @Test(arguments: hashes + others, Call.allCases)
  func `A call that a key of a wrong type stops has written nothing, and the run ends once`(
    name: String, call: Call
  ) async throws {
    let key = bench.prefix + name.replacing("{id}", with: "\(id)")
    let run = try await prepare(call)
    let dump = try await bench.send("DUMP", key).bytesValue
    try await spoil(key, isHash: Self.hashes.contains(name))
    let before = try await bench.snapshot()
    do {
      try await perform(call, run)
    } catch let error as StoreError {
      #expect("\(error)".contains(key))
      #expect(try await bench.snapshot() == before)
    }
    if try await isSpoilt(key) { try await restore(key, dump) }
    try await end()
    let ends = try await bench.log(id).filter { $0.contains(#""msg":"finished""#) || $0.contains(#""msg":"failed""#) }
    #expect(ends.count == 1)
    #expect(try await bench.list("store:x").count <= 1)
  }

  /// Brings the run to where it meets a call.
  private func prepare(_ call: Call) async throws -> ClaimedRun? {
    if call == .submit {
      // Its class is known, as after any other run of it.
      try await bench.send("HSET", bench.prefix + "classes", Bench.noteClass, "note")
      return nil
    }
    try await submit()
    if call == .claim || call == .reconcileQueued { return nil }
    let run = try await bench.claimOne("w/1")
    if call != .checkpoint { try await checkpoint(run) }
    if call == .recover { try await bench.lapse(id) }
    return run
  }

  private func perform(_ call: Call, _ run: ClaimedRun?) async throws {
    switch (call, run) {
    case (.submit, _): try await submit()
    case (.claim, _): _ = try await bench.claim(1, id: "w/1")
    case (.reconcileQueued, _), (.reconcileStarted, _): _ = try await bench.reconcile(allKeys: true)
    case (.recover, _): _ = try await bench.store.recover()
    case (.checkpoint, let run?): try await checkpoint(run)
    case (.heartbeat, let run?): _ = try await bench.beat([run])
    case (.degrade, let run?):
      try await write(run, 2) { $0.log(.modelFallback(step: "b", StepFailure(.timeout, "late"), usage: .null)) }
    case (.finish, let run?): try await write(run, 2) { $0.finish(done: ["a"]) }
    case (.fail, let run?): try await write(run, 2) { $0.fail() }
    case (.handBack, let run?): try await write(run, 2) { $0.end = .handedBack(asSuspect: false) }
    default: break
    }
  }

  private func submit() async throws {
    #expect(try await bench.store.submit(.sample(id, idempotencyKey: "key")) == .accepted(id))
  }

  private func checkpoint(_ run: ClaimedRun) async throws {
    try await write(run, 1) {
      $0.store("a", 0, "x", "1")
      $0.checkpoint("a", "{}")
    }
  }

  private func write(_ run: ClaimedRun, _ sequence: Int, _ fill: (inout CheckpointBatch) -> Void) async throws {
    var batch = bench.record(after: run)
    fill(&batch)
    _ = try await bench.write(batch, run, sequence)
  }

  // MARK: Spoiling

  private func spoil(_ key: String, isHash: Bool) async throws {
    try await bench.send("DEL", key)
    if isHash { try await bench.send("SET", key, "mine") } else { try await bench.send("HSET", key, "is", "mine") }
  }

  /// Whether nothing has replaced the key of the wrong type.
  private func isSpoilt(_ key: String) async throws -> Bool {
    guard try await bench.send("TYPE", key).string == "hash" else {
      return (try? await bench.send("GET", key).string) == "mine"
    }
    return try await bench.send("HGET", key, "is").string == "mine"
  }

  private func restore(_ key: String, _ dump: [UInt8]?) async throws {
    try await bench.send("DEL", key)
    guard let dump else { return }
    var command: RedisArguments = ["RESTORE", key, "0"]
    command.append(dump)
    _ = try await bench.send(command)
  }

  /// Does what clients, workers and recoverers do until the run has ended.
  private func end() async throws {
    for turn in 1...5 {
      try await submit()
      let status = try await bench.send("HGET", "\(bench.prefix)job:\(id)", "status").string
      if status == "finished" || status == "failed" { return }
      _ = try await bench.reconcile(allKeys: true)
      try await bench.lapse(id)
      _ = try await bench.store.recover()
      for run in try await bench.claim(10, id: "v/\(turn)", worker: "v").runs {
        try await write(run, 1) { $0.finish() }
      }
    }
    Issue.record("the run has not ended")
  }
}
