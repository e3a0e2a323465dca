import ExactJSON
import Hiredis
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(3))) struct ClaimTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  @Test(arguments: ["leases", "holds", "claim:w", Bench.suspects, Bench.queue, "elected", "classes"])
  func `A key of a wrong type stops a claim before it takes anything`(key: String) async throws {
    // The worker has seen the class.
    try await bench.submit()
    _ = try await bench.claimOne("0", worker: "first")
    if key != Bench.queue { try await bench.submit() }
    let isHash = ["holds", "classes"].contains(key)
    try await bench.send("DEL", bench.prefix + key)
    if isHash {
      try await bench.send("SET", bench.prefix + key, "mine")
    } else {
      try await bench.send("HSET", bench.prefix + key, "field", "value")
    }
    let before = try await bench.snapshot()
    let found = isHash ? "string, not a hash" : "hash, not a \(kinds[key] ?? "list")"
    let sentence = "WRONGTYPE \(bench.prefix)\(key) is a \(found)"
    await #expect(throws: StoreError.damaged(sentence)) { try await bench.claim(1) }
    #expect(try await bench.snapshot() == before)
  }

  @Test func `A run does not start before it was submitted, whatever Redis's clock says`() async throws {
    let id = try await bench.submit()
    let later = "4102444800.000000"
    try await bench.send("HSET", "\(bench.prefix)job:\(id)", "created_ts", later)
    let run = try #require(try await bench.claim(1).runs.first)
    #expect(run.claimedAt.text == later)
    #expect(try await bench.send("HGET", "\(bench.prefix)job:\(id)", "started_ts").string == later)
  }

  @Test func `A count of repairs that cannot be kept stops nothing`() async throws {
    let id = try await bench.submit()
    try await bench.send("SET", bench.prefix + "repairs", "mine")
    try await bench.send("LPUSH", bench.prefix + Bench.queue, JobID().description)
    let claim = try await bench.claim(10)
    #expect(claim.dropped == 1 && claim.runs.map(\.id) == [id])
    #expect(try await bench.health() == [0, 1, 0])
  }

  private let kinds = ["leases": "zset", "claim:w": "string", "elected": "string"]

  @Test func `A run whose own keys are of a wrong type harms no other run of the claim`() async throws {
    for kind in ["job", "progress"] {
      let id = try await bench.submit()
      try await bench.send("DEL", "\(bench.prefix)\(kind):\(id)")
      try await bench.send("SET", "\(bench.prefix)\(kind):\(id)", "mine")
    }
    let healthy = try await bench.submit()
    let claim = try await bench.claim(10)
    #expect(claim.dropped == 1 && claim.unreadable.isEmpty)
    #expect(claim.runs.last?.id == healthy)
    let relogged = try #require(claim.runs.first)
    #expect(try await bench.record(relogged, 1) { $0.fail() } == .recorded)
    #expect(try await bench.log(relogged.id).count == 2)
  }

  @Test func `A claimed run leaves the queue, is started, leased and says so under its name`() async throws {
    let id = try await bench.submit(name: "\"n\" 😀\n", inputs: #"{"text":"x","n":1.0}"#)
    let before = try await bench.now()
    let run = try await bench.claimOne()
    let after = try await bench.now()

    #expect(run.id == id && run.requestID == "request" && !run.isSuspect)
    #expect(run.definition.runName == "\"n\" 😀\n" && run.definition.steps.map(\.id) == ["a", "b"])
    #expect(run.definition.steps[0].params == ["value": "@inputs.text"])
    #expect(run.definition.inputs == (try JSONValue(parsing: #"{"text":"x","n":1.0}"#).objectValue))
    #expect(run.recorded.isEmpty && run.stored.isEmpty)
    #expect(
      try await bench.keys() == [
        "claim:w", "classes", "docs:\(id)", "holds", "idle", "job:\(id)", "leases", "live", "progress:\(id)", "serves",
      ])
    let job = try await bench.state(id)
    let created = try #require(job["created_ts"])
    let started = try #require(job["started_ts"])
    #expect(
      job == [
        "status": "started", "run_name": "\"n\" 😀\n", "created_ts": created, "started_ts": started,
        "last_ts": started, "format": "2", "run": job["run"] ?? "", "token": "1-claim", "seq": "0", "staged": "0",
        "begun": "0", "crashes": "0", "bytes": "41", "class": Bench.noteClass,
      ])
    #expect(try await bench.list("progress:\(id)").count == 1)
    #expect(try await bench.record(run, 1) { _ in } == .recorded)
    #expect(
      try await bench.list("progress:\(id)")[1]
        == "{\"ts\":\(started),\"msg\":\"started\",\"run\":\"\\\"n\\\" 😀\\n\"}")
    let end = try #require(try await bench.leaseEnd(id))
    #expect((before + 59.998...after + 60.002).contains(end))
    #expect((1...240).contains(try #require(try await bench.ttl("claim:w"))))
    #expect(try await bench.ttl("job:\(id)") == -1)
  }

  @Test func `A claim brings as many runs as there is room for, the longest waiting first`() async throws {
    var ids: [JobID] = []
    for _ in 0..<5 { ids.append(try await bench.submit()) }
    let first = try await bench.claim(3, id: "1")
    #expect(first.runs.map(\.id) == Array(ids[0..<3]) && first.hasLeftRuns)
    #expect(try await bench.claim(3, id: "1").hasLeftRuns)
    #expect(try await bench.list(Bench.queue) == ids[3...].map(\.description))
    #expect(try await bench.claim(0, id: "2").runs.isEmpty)
    let rest = try await bench.claim(10, id: "3")
    #expect(rest.runs.map(\.id) == Array(ids[3...]) && !rest.hasLeftRuns)
    #expect(try await bench.claim(10, id: "4").runs.isEmpty)
    #expect(try await bench.type(Bench.queue) == "none")
  }

  @Test func `A claim of ten thousand runs brings them all`() async throws {
    let ids = (0..<10_000).map { _ in JobID() }
    try await withThrowingTaskGroup { tasks in
      for id in ids { tasks.addTask { _ = try await bench.store.submit(Submission.sample(id)) } }
      try await tasks.waitForAll()
    }
    let claim = try await bench.claim(10_000)
    #expect(Set(claim.runs.map(\.id)) == Set(ids) && !claim.hasLeftRuns)
  }

  @Test(arguments: ["1", "soon", "99999999999999.000000"])
  func `A job whose last time is none harms no other of the claim`(time: String) async throws {
    let id = try await bench.submit()
    try await bench.send("HSET", "\(bench.prefix)job:\(id)", "again", "1 0 0 \(time) 41")
    let other = try await bench.submit()
    let runs = try await bench.claimRuns(2)
    #expect(runs.map(\.id) == [id, other])
    #expect(try await bench.send("ZCARD", bench.prefix + "leases").int == 2)
  }

  @Test func `A long queue of entries without a job is dropped in several claims`() async throws {
    var command: RedisArguments = ["RPUSH"]
    command.append(bench.prefix + Bench.queue)
    for _ in 0..<2_500 { command.append(JobID().description) }
    _ = try await bench.send(command)
    let id = try await bench.submit()
    var claims = [try await bench.claim(10, id: "0")]
    while claims.count < 10, claims[claims.count - 1].hasLeftRuns {
      claims.append(try await bench.claim(10, id: "\(claims.count)"))
    }
    #expect(claims.allSatisfy { $0.dropped < 1_100 } && claims.map(\.dropped).reduce(0, +) == 2_500)
    #expect(claims.flatMap(\.runs).map(\.id) == [id])
  }

  @Test func `A claim that finds nothing writes no more than that its worker is idle`() async throws {
    #expect(try await bench.claim(10).runs.isEmpty)
    #expect(try await bench.keys() == ["idle", "serves"])
  }

  @Test func `The same claim again brings the same runs and nothing new`() async throws {
    for _ in 0..<3 { try await bench.submit() }
    let first = try await bench.claim(2)
    let before = try await bench.snapshot()
    let again = try await bench.claim(2)
    #expect(again.runs.map(\.id) == first.runs.map(\.id))
    #expect(again.runs.map(\.token) == first.runs.map(\.token))
    #expect(again.runs.map(\.definition) == first.runs.map(\.definition))
    #expect(try await bench.snapshot() == before)
  }

  @Test func `The same claim again brings no run that it does not hold any more`() async throws {
    for _ in 0..<3 { try await bench.submit() }
    let runs = try await bench.claimRuns(3)
    try await bench.record(runs[0], 1) { $0.end = .handedBack(asSuspect: false) }
    try await bench.record(runs[1], 1) { $0.finish() }
    #expect(try await bench.claim(3).runs.map(\.id) == [runs[2].id])
    #expect(try await bench.list(Bench.queue) == [runs[0].id.description])
    _ = try await bench.claim(1, id: "other", worker: "v")
    #expect(try await bench.claim(3).runs.map(\.id) == [runs[2].id])
  }

  @Test func `A claim whose id begins like the last one is another claim`() async throws {
    for _ in 0..<2 { try await bench.submit() }
    let first = try await bench.claimRuns(1, id: "w/10")
    let second = try await bench.claimRuns(1, id: "w/1")
    #expect(first.map(\.id) != second.map(\.id))
    #expect(second.map(\.token) == ["1-w/1"])
  }

  @Test func `No further run is taken once the documents have reached the limit`() async throws {
    var ids: [JobID] = []
    for _ in 0..<4 {
      ids.append(try await bench.submit(inputs: "{\"text\":\"\(String(repeating: "x", count: 1_000))\"}"))
    }
    var request = ClaimRequest(id: "1", worker: "w", runs: 10, lease: .seconds(15), classes: bench.classes)
    request.documentBytes = 2_000
    let runs = try await bench.store.claim(request).runs
    #expect(runs.map(\.id) == Array(ids[0..<2]))
    #expect(runs.allSatisfy { (1_000...1_300).contains($0.documentBytes) })
    request.id = "2"
    request.documentBytes = 1
    #expect(try await bench.store.claim(request).runs.map(\.id) == [ids[2]])
  }

  @Test func `Queue entries without a queued job are dropped and counted`() async throws {
    let started = try await bench.submit()
    _ = try await bench.claimOne("1")
    let before = try await bench.hash("job:\(started)")
    try await bench.send("RPUSH", bench.prefix + Bench.queue, "nonsense \n", JobID().description, started.description)
    let id = try await bench.submit()
    let claim = try await bench.claim(1, id: "2")
    #expect(claim.dropped == 3)
    #expect(claim.runs.map(\.id) == [id])
    #expect(try await bench.type(Bench.queue) == "none")
    #expect(try await bench.hash("job:\(started)") == before)
  }

  @Test func `A run taken up again brings its outputs, and what it stored in the order of storing`() async throws {
    let id = try await bench.submit(steps: ["a", "b", "c", "d"])
    let first = try await bench.claimOne("1")
    try await bench.record(first, 1) { record in
      record.store("c", 0, "x", "1")
      record.checkpoint("c", #"{"n":1e400}"#)
      record.store("a", 1, "é\n\"", "2")
      record.checkpoint("a", #"{"s":"\u0000"}"#)
    }
    try await bench.record(first, 2) { record in
      record.store("b", 2, "x", "3")
      record.checkpoint("b", "{}", inLog: false)
      record.end = .handedBack(asSuspect: false)
    }
    let again = try await bench.claimOne("2")
    #expect(again.id == id && again.token == "2-2" && again.definition == first.definition)
    #expect(
      again.recorded == ["c": ["n": .number(try #require(JSONNumber(text: "1e400")))], "a": ["s": "\0"], "b": [:]])
    #expect(again.stored.map(\.unit.name) == ["c", "a", "b"])
    #expect(again.stored.map(\.namespace) == ["x", "é\n\"", "x"])
    #expect(again.stored.map(\.order) == [0, 1, 2])
    try await bench.record(again, 1) { _ in }
    #expect(try await bench.log(id).last == #"{"msg":"resumed"}"#)
  }

  @Test func `A run whose earlier claims recorded nothing has not said that it started`() async throws {
    let id = try await bench.submit()
    for number in 0..<2 {
      _ = try await bench.claimOne("\(number)")
      try await bench.lapse(id)
      _ = try await bench.store.recover()
    }
    try await bench.record(try await bench.claimOne("last"), 1) { _ in }
    #expect(try await bench.log(id) == [#"{"msg":"enqueued"}"#, #"{"msg":"started","run":"run"}"#])
  }

  @Test func `The same claim again begins the log alike`() async throws {
    try await bench.submit()
    let first = try await bench.claimOne()
    let again = try await bench.claimOne()
    #expect(again.opening == .started(run: "run") && again.claimedAt == first.claimedAt)
  }

  @Test func `A run whose documents are gone goes to the worker, which can end it`() async throws {
    let id = try await bench.submit()
    let whole = try await bench.submit()
    try await bench.send("HDEL", "\(bench.prefix)job:\(id)", "run_name")
    try await bench.send("DEL", "\(bench.prefix)docs:\(id)")
    let claim = try await bench.claim(10)
    #expect(claim.unreadable.map(\.run) == [HeldRun(id: id, token: "1-claim")])
    #expect(claim.runs.map(\.id) == [whole] && claim.dropped == 0)
    let unreadable = try #require(claim.unreadable.first)
    var record = CheckpointBatch(clock: bench.store.clock, after: unreadable.claimedAt)
    record.fail()
    #expect(
      try await bench.store.record([PendingBatch(record, of: unreadable.run, sequence: 1)]) == [.recorded])
    #expect(try await bench.hash("job:\(id)")["status"] == "failed")
    #expect(try await bench.leaseEnd(id) == nil)
  }

  @Test(arguments: ["00000002[1{}", "00000002[]{1", "0000000x", ""])
  func `A run whose documents are damaged is unreadable, and harms no other`(text: String) async throws {
    let id = try await bench.submit()
    let whole = try await bench.submit()
    try await bench.send("SET", "\(bench.prefix)docs:\(id)", text)
    let claim = try await bench.claim(10)
    #expect(claim.unreadable.map(\.run.id) == [id])
    #expect(claim.runs.map(\.id) == [whole])
  }
}
