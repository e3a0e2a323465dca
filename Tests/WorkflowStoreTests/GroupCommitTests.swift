import Dispatch
import Hiredis
import LinuxSupport
import RedisFixture
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct GroupCommitTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func pending(
    _ run: ClaimedRun, _ sequence: Int = 1, token: String? = nil, _ fill: (inout CheckpointBatch) -> Void
  ) -> PendingBatch {
    var record = CheckpointBatch(beginning: run, clock: bench.store.clock)
    fill(&record)
    return PendingBatch(record, of: HeldRun(id: run.id, token: token ?? run.token), sequence: sequence)
  }

  @Test func `Of records in one call each is written or not by itself`() async throws {
    for _ in 0..<6 { try await bench.submit() }
    let runs = try await bench.claimRuns(6)
    try await bench.send("SET", bench.prefix + "store:text", "mine")
    let answers = try await bench.store.record([
      pending(runs[0]) { record in
        record.store("a", 0, "x", "0")
        record.checkpoint("a", "{}")
        record.finish(done: ["a"], stores: [("x", ["a"])])
      },
      pending(runs[1], token: "1-other") { $0.store("a", 0, "x", "1") },
      pending(runs[2]) { record in
        record.store("a", 0, "x", "2")
        record.store("b", 1, "text", "2")
      },
      pending(runs[3], 3) { $0.checkpoint("a", "{}") },
      pending(runs[4]) { record in
        record.store("a", 0, "x", "4")
        record.store("b", 1, "y", "4")
      },
      pending(runs[5]) { $0.end = .handedBack(asSuspect: false) },
    ])
    #expect(
      answers == [
        .recorded, .lost("started"),
        .refused("\(bench.prefix)store:text is a string, not a list", namespace: "text"), .behind(0),
        .recorded, .recorded,
      ])
    #expect(try await bench.list("store:x").map { String($0.suffix(2).first ?? " ") } == ["0", "4"])
    #expect(try await bench.list("store:y").count == 1)
    var lengths: [Int] = []
    for run in runs { lengths.append(try await bench.log(run.id).count) }
    #expect(lengths == [4, 1, 1, 1, 2, 2])
    #expect(try await bench.list(Bench.queue) == [runs[5].id.description])
    #expect(try await bench.send("ZCARD", bench.prefix + "leases").int == 4)
  }

  @Test func `The same call again writes nothing twice`() async throws {
    for _ in 0..<3 { try await bench.submit() }
    let records = try await bench.claimRuns(3).map { run in
      pending(run) { record in
        record.store("a", 0, "x", "1")
        record.checkpoint("a", "{}")
        record.finish(done: ["a"], stores: [("x", ["a"])])
      }
    }
    #expect(try await bench.store.record(records).allSatisfy { $0 == .recorded })
    let before = try await bench.snapshot()
    #expect(try await bench.store.record(records).allSatisfy { $0 == .recorded })
    #expect(try await bench.snapshot() == before)
  }

  @Test func `Everybody gets the answer to their own record, in few calls`() async throws {
    let bench = try Bench(on: RedisServer())
    let count = 200
    for _ in 0..<count { try await bench.submit() }
    let runs = try await bench.claimRuns(count)
    let group = GroupCommit(Partitions(bench.store), large: Partitions(bench.store))
    try await bench.send("CONFIG", "RESETSTAT")
    let answers = try await withThrowingTaskGroup(of: (Int, WriteOutcome).self) { tasks in
      for (index, run) in runs.enumerated() {
        let record = pending(run, token: index % 3 == 0 ? "1-other" : nil) { $0.finish() }
        tasks.addTask { (index, try await group.write(record)) }
      }
      return try await tasks.reduce(into: [:] as [Int: WriteOutcome]) { $0[$1.0] = $1.1 }
    }
    for index in 0..<count {
      #expect(answers[index] == (index % 3 == 0 ? WriteOutcome.lost("started") : .recorded), "\(index)")
    }
    #expect(try await scriptCalls(bench) < count / 2)
  }

  @Test func `What the jobs of one round of a thread write goes in one call`() async throws {
    let bench = try Bench(on: RedisServer())
    for _ in 0..<20 { try await bench.submit() }
    let records = try await bench.claimRuns(20).map { run in pending(run) { $0.finish() } }
    let group = GroupCommit(Partitions(bench.store), large: Partitions(bench.store))
    // The script is known from here on.
    #expect(try await group.write(records[0]) == .recorded)
    try await bench.send("CONFIG", "RESETSTAT")
    let tasks = await withCheckedContinuation { continuation in
      DispatchQueue(label: "loop").async {
        let loop = JobQueue(longestRound: .seconds(60))
        let tasks = records.dropFirst().map { record in
          Task(executorPreference: ThreadExecutor.shared) { try await group.write(record) }
        }
        loop.runReadyJobs()
        continuation.resume(returning: tasks)
      }
    }
    for task in tasks { #expect(try await task.value == .recorded) }
    #expect(try await scriptCalls(bench) == 1)
  }

  private func scriptCalls(_ bench: Bench) async throws -> Int {
    let statistics = try #require(try await bench.send("INFO", "commandstats").string)
    let calls = statistics.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_evalsha") }?
      .split(whereSeparator: { "=,".contains($0) }).dropFirst().first.flatMap { Int($0) }
    return try #require(calls)
  }

  @Test func `A job that is no hash any more harms no other of the call`() async throws {
    for _ in 0..<3 { try await bench.submit() }
    let runs = try await bench.claimRuns(3)
    try await bench.send("SET", "\(bench.prefix)job:\(runs[1].id)", "mine")
    let answers = try await bench.store.record(
      runs.map { run in
        pending(run) { record in
          record.store("a", 0, "x", "1")
          record.fail()
        }
      })
    #expect(answers == [.recorded, .lost("not a job any more"), .recorded])
    #expect(try await bench.list("store:x").count == 2)
  }

  @Test func `Leases of a wrong type stop a call before it writes anything`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.send("SET", bench.prefix + "leases", "mine")
    let before = try await bench.snapshot()
    await #expect(throws: StoreError.damaged("WRONGTYPE \(bench.prefix)leases is a string, not a zset")) {
      try await bench.record(run, 1) { $0.checkpoint("a", "{}") }
    }
    #expect(try await bench.snapshot() == before)
  }

  @Test(arguments: [false, true])
  func `A queue of a wrong type holds up a hand-back and nothing else`(asSuspect: Bool) async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    let queue = asSuspect ? Bench.suspects : Bench.queue
    try await bench.send("SET", bench.prefix + queue, "mine")
    #expect(try await bench.record(run, 1) { $0.checkpoint("a", "{}") } == .recorded)
    let before = try await bench.snapshot()
    await #expect(throws: StoreError.damaged("\(bench.prefix)\(queue) is a string, not a list")) {
      try await bench.record(run, 2) { $0.end = .handedBack(asSuspect: asSuspect) }
    }
    #expect(try await bench.snapshot() == before)
    try await bench.send("DEL", bench.prefix + queue)
    #expect(try await bench.record(run, 2) { $0.end = .handedBack(asSuspect: asSuspect) } == .recorded)
  }
}
