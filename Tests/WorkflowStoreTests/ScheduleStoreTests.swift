import ExactJSON
import Hiredis
import RedisFixture
import Testing
import Workflow

@testable import WorkflowStore

/// Schedules in Redis: a tick is one run, whoever fires it and how often.
@Suite(.timeLimit(.minutes(5))) struct ScheduleStoreTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private static let whole = (number: 0, count: 1)

  private func submission(_ name: String = "s", next: Int?, rule: String = "every 60 0") -> ScheduleSubmission {
    ScheduleSubmission(
      name: name, specification: Array("{}".utf8), rule: rule, next: next,
      run: .sample(JobID(requestID: String(repeating: "0", count: 32)) ?? JobID()), body: Array(#"{"a":1}"#.utf8))
  }

  private func now() async throws -> Int { Int(try await bench.now()) }

  private func find(_ name: String = "s") async throws -> StoredSchedule {
    try #require(try await bench.store.schedule(named: name).schedules.first)
  }

  /// Fires the next tick of the only schedule.
  private func fire(
    _ tick: Int?, next: Int?, left: Int = 0, overlap: OverlapPolicy = .allow, of name: String = "s"
  ) async throws -> TickOutcome {
    let found = try await find(name)
    return try await bench.store.step(
      found, Tick(expected: found.next, fire: tick, next: next, left: left), overlap: overlap, partition: Self.whole)
  }

  @Test func `A schedule is there as it was put, once`() async throws {
    let start = try await now()
    #expect(try await bench.store.put(submission(next: start + 60)) == .created)
    let before = try await bench.snapshot()
    #expect(try await bench.store.put(submission(next: start + 70)) == .replaced)
    #expect(try await bench.snapshot() == before)
    let found = try await find()
    #expect(found.name == "s" && found.next == start + 60 && found.fired == [] && found.job == nil)
    #expect(found.body == Array(#"{"a":1}"#.utf8) && found.runName == "run" && found.runs == 0)
    // Another rule has other times; the schedule remains the same.
    #expect(try await bench.store.put(submission(next: start + 70, rule: "every 70 0")) == .replaced)
    #expect(try await find().next == start + 70)
    #expect(try await find().generation == found.generation)
    #expect(try await bench.keys() == ["schedule:s", "schedules"])
  }

  @Test func `A removed schedule leaves nothing, and one of the same name is another one`() async throws {
    let start = try await now()
    _ = try await bench.store.put(submission(next: start))
    let old = try await find()
    let tick = Tick(expected: start, fire: start, next: start + 60)
    #expect(try await bench.store.removeSchedule(named: "s"))
    #expect(try await bench.keys() == [])
    #expect(try await !bench.store.removeSchedule(named: "s"))
    #expect(try await bench.store.step(old, tick, overlap: .allow, partition: Self.whole) == .changed)
    _ = try await bench.store.put(submission(next: start))
    #expect(try await bench.store.step(old, tick, overlap: .allow, partition: Self.whole) == .changed)
    guard case .fired = try await fire(start, next: start + 60) else { return #expect(Bool(false)) }
  }

  @Test func `There are as many schedules as may be`() async throws {
    for number in 0..<RunStore.mostSchedules {
      try await bench.send("ZADD", bench.prefix + "schedules", "inf", "n\(number)")
    }
    let before = try await bench.snapshot()
    #expect(try await bench.store.put(submission(next: nil)) == .full)
    #expect(try await bench.snapshot() == before)
  }

  @Test func `A tick is a run with its own id, and the same tick again is not fired`() async throws {
    let start = try await now()
    _ = try await bench.store.put(submission(next: start))
    let found = try await find()
    let tick = Tick(expected: start, fire: start, next: start + 60)
    guard case .fired(let job) = try await bench.store.step(found, tick, overlap: .allow, partition: Self.whole) else {
      return #expect(Bool(false))
    }
    let before = try await bench.snapshot()
    #expect(try await bench.store.step(found, tick, overlap: .allow, partition: Self.whole) == .changed)
    #expect(try await bench.snapshot() == before)
    #expect(try await bench.list(Bench.queue) == ["\(job)"])
    #expect(try await bench.hash("job:\(job)")["schedule"] == "\(start) s")
    let after = try await find()
    #expect(after.next == start + 60 && after.fired == [start] && after.job == job && after.runs == 1)
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.finish() }
    #expect(try await bench.store.facts(of: job)?.origin?.name == "s")
    #expect(try await bench.store.facts(of: job)?.origin?.tick == start)
  }

  /// As Python's `uuid.uuid5(uuid.NAMESPACE_DNS, "s/1000")` has it, and with `/1` and so on for another partition.
  @Test(arguments: [(0, 1, "8d171a21-06d0-5804-8a22-ede97a81f206"), (3, 7, "785c3e56-7c1d-5422-a5e1-761a40fcbe25")])
  func `The id of a tick's run is a UUID of version 5 that is in its partition`(
    _ number: Int, _ count: Int, _ id: String
  ) async throws {
    _ = try await bench.store.put(submission(next: 1_000))
    let space = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    try await bench.send("HSET", bench.prefix + "schedule:s", "generation", space)
    let tick = Tick(expected: 1_000, fire: 1_000, next: nil)
    let outcome = try await bench.store.step(
      try await find(), tick, overlap: .allow, partition: (number, count))
    #expect(outcome == .fired(try #require(JobID(id))))
    #expect(Int(Partitions.hash(id)) % count == number)
  }

  @Test func `A tick whose run is there, or that was fired, is passed over`() async throws {
    let start = try await now()
    _ = try await bench.store.put(submission(next: start))
    guard case .fired(let job) = try await fire(start, next: start) else { return #expect(Bool(false)) }
    // As after a step back of the clock: first it is remembered, then its run is there.
    #expect(try await fire(start, next: start) == .moved)
    try await bench.send("HSET", bench.prefix + "schedule:s", "fired", "")
    #expect(try await fire(start, next: start + 60, left: 3) == .moved)
    #expect(try await bench.list(Bench.queue) == ["\(job)"])
    #expect(try await find().skipped == 3)
  }

  @Test func `A tick that Redis's clock has not come to is not fired`() async throws {
    let start = try await now() + 3_600
    _ = try await bench.store.put(submission(next: start))
    let before = try await bench.snapshot()
    #expect(try await fire(start, next: start + 60) == .early)
    #expect(try await bench.snapshot() == before)
    #expect(try await fire(nil, next: start + 60) == .moved)
    #expect(try await find().next == start + 60)
  }

  @Test func `While the last run has not ended a tick is fired, left out, or waits`() async throws {
    let start = try await now() - 600
    _ = try await bench.store.put(submission(next: start))
    _ = try await fire(start, next: start + 60, overlap: .skip)
    #expect(try await fire(start + 60, next: start + 120, left: 1, overlap: .skip) == .skipped)
    #expect(try await find().skipped == 2)
    let before = try await bench.snapshot()
    #expect(try await fire(start + 120, next: start + 180, overlap: .wait) == .waiting)
    #expect(try await bench.snapshot() == before)
    let run = try await bench.claimOne()
    #expect(try await fire(start + 120, next: start + 180, overlap: .wait) == .waiting)
    try await bench.record(run, 1) { $0.finish() }
    guard case .fired = try await fire(start + 120, next: start + 180, overlap: .wait) else {
      return #expect(Bool(false))
    }
    guard case .fired = try await fire(start + 180, next: start + 240, overlap: .allow) else {
      return #expect(Bool(false))
    }
    // A run that has expired has ended.
    for key in try await bench.keys() where key.hasPrefix("job:") { try await bench.send("DEL", bench.prefix + key) }
    guard case .fired = try await fire(start + 240, next: nil, overlap: .wait) else { return #expect(Bool(false)) }
    #expect(try await find().next == nil)
    #expect(try await bench.send("ZSCORE", bench.prefix + "schedules", "s").string == "inf")
  }

  @Test func `A schedule remembers the last ticks`() async throws {
    let start = try await now() - 600
    _ = try await bench.store.put(submission(next: start))
    for number in 0..<20 { _ = try await fire(start + number, next: start + number + 1) }
    #expect(try await find().fired == (4..<20).map { start + $0 })
    #expect(try await find().runs == 20)
  }

  @Test func `Those that are due come in portions, with the time of the first that is not`() async throws {
    let start = try await now()
    #expect(try await bench.store.dueSchedules().following == nil)
    for number in 0..<150 { _ = try await bench.store.put(submission("n\(number)", next: start - number)) }
    _ = try await bench.store.put(submission("later", next: start + 600))
    _ = try await bench.store.put(submission("never", next: nil))
    let first = try await bench.store.dueSchedules()
    let second = try await bench.store.dueSchedules(after: 100)
    #expect(first.schedules.count == 100 && first.isFull && second.schedules.count == 50 && !second.isFull)
    #expect(Set((first.schedules + second.schedules).map(\.name)) == Set((0..<150).map { "n\($0)" }))
    #expect(first.following == start + 600 && second.following == start + 600)
    #expect(try await bench.store.schedules().schedules.count == 152)
    #expect(abs(first.now - start) < 30)
  }

  @Test(arguments: ["schedules", "schedule:s", Bench.queue, "classes"])
  func `A key of a wrong type refuses a tick before anything is written`(_ key: String) async throws {
    let start = try await now()
    _ = try await bench.store.put(submission(next: start))
    let found = try await find()
    try await bench.send("DEL", bench.prefix + key)
    try await bench.send("SET", bench.prefix + key, "mine")
    let before = try await bench.snapshot().filter { $0.key != "classes" }
    let tick = Tick(expected: start, fire: start, next: start + 60)
    do {
      let outcome = try await bench.store.step(found, tick, overlap: .allow, partition: Self.whole)
      guard case .held(let sentence) = outcome else { return #expect(Bool(false), "\(outcome)") }
      #expect(sentence.contains(bench.prefix + key))
    } catch {
      #expect("\(error)".contains(bench.prefix + key))
    }
    #expect(try await bench.snapshot().filter { $0.key != "classes" } == before)
    if key.hasPrefix("schedule") {
      await #expect(throws: StoreError.self) { try await bench.store.put(submission(next: start)) }
    }
    try await bench.send("DEL", bench.prefix + key)
    _ = try await bench.store.put(submission(next: start))
    guard case .fired = try await fire(start, next: nil) else { return #expect(Bool(false)) }
  }
}
