import Hiredis
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct RecoveryTests {
  private let bench: Bench

  init() throws { bench = try Bench(limits: RunStore.Limits(retain: 1_000)) }

  /// Recovers and says what was done, as `requeued <id>`.
  private func recover(limit: Int = 100) async throws -> [String] {
    try await bench.store.recover(limit: limit).map { "\($0.recovery.rawValue) \($0.id)" }
  }

  /// Lets a worker take the run, begin a step and die.
  private func crash(_ id: JobID, _ claim: String, checkpoint: String? = nil) async throws -> [String] {
    let run = try await bench.claimOne(claim, worker: claim)
    try await bench.record(run, 1) { $0.begin(.stepStart(step: "a", op: "note")) }
    if let checkpoint {
      try await bench.record(run, 2) {
        $0.checkpoint(checkpoint, "{}")
        $0.hasStepInFlight = true
      }
    }
    try await bench.lapse(id)
    return try await recover()
  }

  @Test func `A worker that dies between two steps counts no crash`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.begin(.stepStart(step: "a", op: "note")) }
    try await bench.record(run, 2) { $0.checkpoint("a", "{}") }
    try await bench.lapse(id)
    #expect(try await recover() == ["requeued \(id)"])
    #expect(try await bench.claimOne("2").isSuspect == false)
  }

  @Test func `A turn that was held up, and a caller's first one, take nothing`() async throws {
    let id = try await bench.submit()
    _ = try await bench.claimOne()
    try await bench.lapse(id)
    let before = try await bench.snapshot()
    let first = try await bench.store.turn(after: nil)
    #expect(first.runs.isEmpty && !first.isHeldUp)
    let late = "\((Int(first.clock) ?? 0) - 10_100_000)"
    let heldUp = try await bench.store.turn(after: late, within: .seconds(10))
    #expect(heldUp.runs.isEmpty && heldUp.isHeldUp)
    let waiting = try await bench.store.turn(after: first.clock, within: .seconds(10), kind: .watching)
    #expect(waiting.runs.isEmpty && !waiting.isHeldUp)
    #expect(try await bench.snapshot() == before)
    #expect(try await bench.store.turn(after: first.clock, within: .seconds(10)).runs.map(\.id) == [id])
  }

  @Test func `A turn before which Redis's clock went back takes nothing`() async throws {
    let id = try await bench.submit()
    _ = try await bench.claimOne()
    try await bench.lapse(id)
    let first = try await bench.store.turn(after: nil)
    let turn = try await bench.store.turn(after: "\((Int(first.clock) ?? 0) + 10_000_000)")
    #expect(turn.runs.isEmpty && turn.isHeldUp)
  }

  @Test func `Leases and worker records end no later than the longest lease of any worker from now`() async throws {
    for _ in 0..<2 { try await bench.submit() }
    let runs = try await bench.claimRuns(2)
    let now = try await bench.now()
    _ = try await bench.beat([runs[0]], worker: "slow", lease: .seconds(100))
    for (zset, member) in [("leases", "\(runs[1].id)"), ("workers", "dead")] {
      try await bench.send("ZADD", bench.prefix + zset, "\(Int(now * 1_000) + 3_600_000)", member)
    }
    _ = try await bench.store.turn(after: nil)
    #expect(try #require(try await bench.leaseEnd(runs[0].id)) >= now + 90)
    let end = try #require(try await bench.leaseEnd(runs[1].id))
    let seen = try await bench.send("ZSCORE", bench.prefix + "workers", "dead").string.flatMap { Double($0) }
    for end in [end, try #require(seen) / 1_000] { #expect(end >= now + 90 && end <= now + 160) }
  }

  @Test func `More than a turn takes is said to be left`() async throws {
    for _ in 0..<3 { try await bench.submit() }
    for run in try await bench.claimRuns(3) { try await bench.lapse(run.id) }
    let clock = try await bench.store.turn(after: nil).clock
    #expect(try await bench.store.turn(after: clock, limit: 2).hasMore)
    #expect(try await !bench.store.turn(after: clock, limit: 2).hasMore)
  }

  @Test func `A run under a lease that holds is left alone`() async throws {
    try await bench.submit()
    _ = try await bench.claimOne()
    let before = try await bench.snapshot()
    #expect(try await recover().isEmpty)
    #expect(try await bench.snapshot() == before)
  }

  @Test func `Lapsed runs go back to the head of the queue, the one whose lease ended first ahead`() async throws {
    var ids: [JobID] = []
    for number in 0..<3 {
      ids.append(try await bench.submit())
      _ = try await bench.claimOne("\(number)")
    }
    let waiting = try await bench.submit()
    for (index, id) in ids.enumerated() { try await bench.lapse(id, secondsAgo: 30 - index) }
    #expect(try await Set(recover()) == Set(ids.map { "requeued \($0)" }))
    #expect(try await bench.list(Bench.queue) == (ids + [waiting]).map(\.description))
    #expect(try await bench.type("leases") == "none")
    for id in ids {
      let job = try await bench.state(id)
      #expect(job["status"] == "queued" && job["end"] == "" && job["crashes"] == "0")
    }
    #expect(try await bench.claim(10, id: "again").runs.map(\.id) == ids + [waiting])
  }

  @Test func `No more runs are taken at once than asked for, those first whose leases ended first`() async throws {
    for _ in 0..<3 { try await bench.submit() }
    let ids = try await bench.claimRuns(3).map(\.id)
    for (index, id) in ids.enumerated() { try await bench.lapse(id, secondsAgo: 30 - index) }
    #expect(try await Set(recover(limit: 2)) == Set(ids[0...1].map { "requeued \($0)" }))
    #expect(try await recover(limit: 2) == ["requeued \(ids[2])"])
  }

  @Test func `A run whose steps had not begun is no suspect`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.log(.stepStart(step: "a", op: "note")) }
    try await bench.lapse(id)
    #expect(try await recover() == ["requeued \(id)"])
    #expect(try await bench.list(Bench.queue) == [id.description])
    #expect(try await bench.type(Bench.suspects) == "none")
  }

  @Test func `A run whose next crash would end it waits among the suspects, and no other does`() async throws {
    let id = try await bench.submit()
    #expect(try await crash(id, "1") == ["requeued \(id)"])
    #expect(try await bench.list(Bench.queue) == [id.description])
    #expect(try await bench.type(Bench.suspects) == "none")
    #expect(try await crash(id, "2") == ["requeued \(id)"])
    #expect(try await bench.list(Bench.suspects) == [id.description])
    #expect(try await bench.type(Bench.queue) == "none")
    // A claim that begins nothing neither adds a crash nor takes one away.
    _ = try await bench.claimOne("3")
    try await bench.lapse(id)
    #expect(try await recover() == ["requeued \(id)"])
    #expect(try await bench.list(Bench.suspects) == [id.description])
    #expect(try await bench.state(id)["crashes"] == "2")
  }

  @Test func `At the third crash in a row a run ends as failed and expires`() async throws {
    let id = try await bench.submit(name: "poison")
    #expect(try await crash(id, "1", checkpoint: "z") == ["requeued \(id)"])
    #expect(try await crash(id, "2") == ["requeued \(id)"])
    #expect(try await crash(id, "3") == ["failed \(id)"])

    let sentence = "workers died 3 times in a row while executing this run"
    let job = try await bench.hash("job:\(id)")
    #expect(job["status"] == "failed" && job["error_code"] == "worker_crashed" && job["error"] == sentence)
    #expect(job["finished_ts"] != nil && job["end"] == "")
    #expect(
      try await bench.log(id).last == "{\"msg\":\"failed\",\"error_code\":\"worker_crashed\",\"error\":\"\(sentence)\"}"
    )
    let times = try await bench.times(id)
    #expect(times == times.sorted() && job["finished_ts"]?.filter { $0 != "." } == "\(times.last ?? 0)")
    #expect(
      try await bench.keys() == [
        "claim:1", "claim:2", "claim:3", "classes", "dead", "docs:\(id)", "job:\(id)", "outputs:\(id)",
        "progress:\(id)",
      ])
    let letter = try #require(try await bench.store.deadLetters(limit: 10).first)
    #expect(letter.id == id && letter.runName == "poison" && letter.error == sentence)
    #expect(letter.stepsInFlight == ["a"])
    #expect(try #require(try await bench.ttl("dead")) > 900)
    for kind in ["job", "progress"] {
      #expect((900...1_000).contains(try #require(try await bench.ttl("\(kind):\(id)"))), "\(kind)")
    }
    #expect(try await bench.documents(id)["out:z"] == "{}")
    #expect(try await recover().isEmpty)
  }

  /// Lets a worker take the run and die before it has recorded anything.
  private func die(_ id: JobID, _ claim: String) async throws -> [String] {
    _ = try await bench.claimOne(claim, worker: claim)
    try await bench.lapse(id)
    return try await recover()
  }

  @Test func `From the third death in a row before anything was recorded on, each counts as a crash`() async throws {
    let id = try await bench.submit()
    for death in 1...2 { #expect(try await die(id, "\(death)") == ["requeued \(id)"]) }
    #expect(try await bench.list(Bench.queue) == [id.description])
    #expect(try await die(id, "3") == ["requeued \(id)"])
    #expect(try await bench.state(id)["crashes"] == "1")
    #expect(try await die(id, "4") == ["requeued \(id)"])
    #expect(try await bench.list(Bench.suspects) == [id.description])
    #expect(try await die(id, "5") == ["failed \(id)"])
  }

  @Test func `A claim under which something was recorded ends the row of deaths before that`() async throws {
    let id = try await bench.submit()
    for death in 1...2 { _ = try await die(id, "\(death)") }
    let run = try await bench.claimOne("3")
    try await bench.record(run, 1) { $0.checkpoint("a", "{}") }
    try await bench.lapse(id)
    #expect(try await recover() == ["requeued \(id)"])
    for death in 4...5 { #expect(try await die(id, "\(death)") == ["requeued \(id)"]) }
    #expect(try await bench.list(Bench.queue) == [id.description])
  }

  @Test func `A hand-back ends the row of deaths before anything was recorded`() async throws {
    let id = try await bench.submit()
    for death in 1...2 { _ = try await die(id, "\(death)") }
    try await bench.record(bench.claimOne("3"), 1) { $0.end = .handedBack(asSuspect: false) }
    for death in 4...5 { _ = try await die(id, "\(death)") }
    #expect(try await bench.list(Bench.queue) == [id.description])
  }

  @Test func `A checkpoint sets the crashes back`() async throws {
    let id = try await bench.submit()
    #expect(try await crash(id, "1") == ["requeued \(id)"])
    #expect(try await crash(id, "2") == ["requeued \(id)"])
    #expect(try await bench.state(id)["crashes"] == "2")
    #expect(try await crash(id, "3", checkpoint: "a") == ["requeued \(id)"])
    #expect(try await bench.state(id)["crashes"] == "1")
  }

  @Test func `A hand-back counts no crash and clears none`() async throws {
    let id = try await bench.submit()
    for crash in 1...2 { _ = try await self.crash(id, "\(crash)") }
    let run = try await bench.claimOne("3")
    try await bench.record(run, 1) { $0.begin(.stepStart(step: "a", op: "note")) }
    try await bench.record(run, 2) { $0.end = .handedBack(asSuspect: run.isSuspect) }
    #expect(try await bench.state(id)["crashes"] == "2")
    #expect(try await bench.list(Bench.suspects) == [id.description])
  }

  @Test func `A job of a wrong type keeps no other run from being recovered`() async throws {
    let broken = try await bench.submit()
    let healthy = try await bench.submit()
    _ = try await bench.claimRuns(2)
    for id in [broken, healthy] { try await bench.lapse(id) }
    try await bench.send("SET", "\(bench.prefix)job:\(broken)", "mine")
    #expect(try await Set(recover()) == ["dropped \(broken)", "requeued \(healthy)"])
    #expect(try await bench.text("job:\(broken)") == "mine")
    #expect(try await bench.type("leases") == "none")
  }

  @Test func `Leases without a started run are dropped`() async throws {
    let queued = try await bench.submit()
    let unknown = JobID()
    for id in [queued, unknown] { try await bench.send("ZADD", bench.prefix + "leases", "1", id.description) }
    let before = try await bench.hash("job:\(queued)")
    #expect(try await Set(recover()) == ["dropped \(queued)", "dropped \(unknown)"])
    #expect(
      try await bench.keys() == [
        "classes", "docs:\(queued)", "job:\(queued)", "live", "progress:\(queued)", Bench.queue, "repairs",
      ])
    #expect(try await bench.hash("job:\(queued)") == before)
    #expect(try await bench.list(Bench.queue) == [queued.description])
  }

  @Test func `A worker that has long been silent is forgotten`() async throws {
    _ = try await bench.beat([], worker: "alive")
    _ = try await bench.beat([], worker: "dead")
    try await bench.send("ZADD", bench.prefix + "workers", "1000", "dead")
    _ = try await recover()
    #expect(try await bench.hash("lease_lengths") == ["alive": "15000"])
    #expect(
      try await bench.send("ZRANGE", bench.prefix + "workers", "0", "-1") == .array([.bytes(Array("alive".utf8))]))
  }
}
