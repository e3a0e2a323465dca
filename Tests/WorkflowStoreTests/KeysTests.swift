import ExactJSON
import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct KeysTests {
  /// Names that users could give, and that look like wf's own keys or like the syntax around them.
  private static let awkward = [
    "", " ", "a b", "line\nbreak", "a:b", ":", Bench.queue, "leases", "job:x", "*", "%s", "\u{0}", "é", "{tag}",
  ]

  /// Leads runs through all that can happen to them.
  private func live(_ bench: Bench) async throws {
    for index in 0..<4 {
      _ = try await bench.store.submit(Submission.sample(idempotencyKey: "key \(index)"))
    }
    let runs = try await bench.claimRuns(4, id: "1")
    _ = try await bench.beat(runs)
    try await bench.record(runs[0], 1) { record in
      record.store("a", 0, "x", "1")
      record.log(.modelFallback(step: "a", StepFailure(.timeout, "late"), usage: .null))
      record.checkpoint("a", "{}")
      record.finish(done: ["a"], stores: [("x", ["a"])])
    }
    try await bench.record(runs[1], 1) { $0.fail() }
    try await bench.record(runs[2], 1) { $0.end = .handedBack(asSuspect: false) }
    try await bench.record(runs[3], 1) { $0.begin(.stepStart(step: "a", op: "note")) }
    try await bench.lapse(runs[3].id)
    _ = try await bench.store.recover()
    for run in runs { _ = try await bench.store.status(of: run.id) }
    _ = try await bench.store.health()
  }

  @Test func `Under another prefix no key outside it is touched`() async throws {
    let server = RedisServer()
    let standard = try Bench(on: server)
    try await live(standard)
    let before = try await standard.snapshot()
    try await live(try Bench(on: server, prefix: "other app/"))
    let all = try await standard.send("KEYS", "*").array?.compactMap(\.string) ?? []
    #expect(all.allSatisfy { $0.hasPrefix("wf:") || $0.hasPrefix("other app/") })
    let others = all.filter { $0.hasPrefix("other app/") && !Bench.isList(String($0.dropFirst(10))) }
    #expect(others.count == before.count + 2)
    #expect(try await standard.snapshot() == before)
  }

  @Test func `A wf whose prefix begins with another's keys is left alone by it`() async throws {
    let server = RedisServer()
    let outer = try Bench(on: server)
    let inner = try Bench(on: server, prefix: "wf:job:")
    // Both would be repaired by the wf that they belong to.
    for _ in 0..<2 { try await inner.submit() }
    _ = try await inner.claimRuns(1)
    for key in ["leases", Bench.queue] { try await inner.send("DEL", inner.prefix + key) }
    let entry = try #require(try await inner.keys().first { $0.hasPrefix("job:") })
    let before = try await inner.snapshot()
    try await outer.send("RPUSH", "wf:" + Bench.queue, entry)
    for zset in ["leases", "live"] { try await outer.send("ZADD", "wf:" + zset, "1", entry) }
    try await live(outer)
    _ = try await outer.reconcile(allKeys: true)
    // The jobs of the other begin with this prefix, too.
    #expect(try await inner.snapshot().filter { !$0.key.contains(/^[-0-9a-f]{36}$/) } == before)
  }

  @Test func `A user without channels writes all that another does`() async throws {
    let rights = ["--user", "default", "on", "nopass", "~*", "resetchannels", "+@all"]
    let bench = try Bench(on: RedisServer(isRunning: true, rights))
    let other = try Bench(on: RedisServer())
    for each in [bench, other] { try await live(each) }
    var found: [[String]] = []
    for each in [bench, other] {
      var lines: [String] = []
      for key in try await each.keys() {
        let name = key.split(separator: ":").first ?? ""
        let isJob = name == "job"
        lines.append("\(name) \(isJob ? try await each.hash(key)["status"] ?? "" : try await each.type(key) ?? "")")
      }
      found.append(lines.sorted())
    }
    #expect(found[0] == found[1])
  }

  @Test func `The keys that are public are named as promised`() async throws {
    let bench = try Bench(on: RedisServer())
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { record in
      record.store("a", 0, "summaries", "1")
      record.checkpoint("a", "{}")
      record.finish(done: ["a"], stores: [("summaries", ["a"])])
    }
    let types = ["wf:job:\(id)": "hash", "wf:progress:\(id)": "list", "wf:result:\(id)": "string"]
    for (key, type) in types { #expect(try await bench.send("TYPE", key).string == type) }
    #expect(try await bench.send("TYPE", "wf:store:summaries").string == "list")
  }

  @Test func `Namespaces never collide with wf's own keys or with each other`() async throws {
    let bench = try Bench()
    let id = try await bench.submit()
    let names = KeysTests.awkward + ["job:\(id)", "../job:\(id)", "progress:\(id)", "result:\(id)", "run:\(id)"]
    let run = try await bench.claimOne()
    let before = try await bench.snapshot()
    let answer = try await bench.record(run, 1) { record in
      for (order, name) in names.enumerated() { record.store("s\(order)", order, name, "\(order)") }
    }
    #expect(answer == .recorded)
    #expect(try await Set(bench.keys()) == Set(before.keys).union(names.map { "store:\($0)" } + ["outputs:\(id)"]))
    for (order, name) in names.enumerated() {
      #expect(
        try await bench.list("store:\(name)") == ["{\"job_id\":\"\(id)\",\"step\":\"s\(order)\",\"data\":\(order)}"])
    }
    try await bench.record(run, 2) { $0.end = .handedBack(asSuspect: false) }
    #expect(try await bench.claimOne("again").stored.map(\.namespace) == names)
  }

  @Test func `Idempotency keys never collide with wf's own keys or with each other`() async throws {
    let bench = try Bench()
    let first = try await bench.submit()
    let names = KeysTests.awkward + ["job:\(first)", "run:\(first)"]
    let before = try await bench.snapshot()
    var ids: [JobID] = []
    for name in names {
      let id = JobID()
      #expect(try await bench.store.submit(Submission.sample(id, idempotencyKey: name)) == .accepted(id))
      ids.append(id)
    }
    for (name, id) in zip(names, ids) {
      #expect(try await bench.store.submit(Submission.sample(idempotencyKey: name)) == .accepted(id))
      #expect(try await bench.text("idempotency:\(name)")?.hasPrefix("\(id) ") == true)
    }
    let after = try await bench.snapshot()
    let grown = before.filter { !["live", Bench.queue].contains($0.key) && !Bench.isList($0.key) }
    #expect(grown.allSatisfy { after[$0.key] == $0.value })
    #expect(try await bench.list(Bench.queue) == ([first] + ids).map(\.description))
    #expect(after.count == before.count + 4 * names.count)
  }

  @Test func `When ended runs have expired no key of theirs is left`() async throws {
    let bench = try Bench(limits: RunStore.Limits(retain: 1))
    let expired = try await Channel("__keyevent@0__:expired", of: bench.server)
    for _ in 0..<20 { try await bench.submit() }
    let runs = try await bench.claimRuns(20, id: "1")
    for (index, run) in runs.enumerated() {
      try await bench.record(run, 1) { $0.checkpoint("a", "{}") }
      try await bench.record(run, 2) { record in
        if index % 2 == 0 { return record.fail() }
        record.store("b", 0, "x", "1")
        record.checkpoint("b", "{}")
        record.finish(done: ["a", "b"], stores: [("x", ["b"])])
      }
    }
    let results = runs.enumerated().filter { $0.offset % 2 == 1 }.map { "result:\($0.element.id)" }
    let mortal = ["store:x"] + results + runs.flatMap { ["job:\($0.id)", "progress:\($0.id)"] }
    await expired.all(of: mortal.map { bench.prefix + $0 })
    #expect(try await bench.keys().filter { $0 != "claim:w" } == ["classes"])
    let lists = try await bench.send("KEYS", bench.prefix + "*:*").array?.compactMap(\.string) ?? []
    for key in lists where key.hasPrefix(bench.prefix + "runs") || key.hasPrefix(bench.prefix + "ended") {
      let left = try #require(try await bench.send("TTL", key).int)
      #expect(left > 7_000 && left <= 7_201, "\(key)")
    }
    #expect(try await bench.store.status(of: runs[0].id) == nil)
  }

  @Test func `A server that forgets the scripts is not noticed`() async throws {
    let bench = try Bench(on: RedisServer())
    func forget() async throws { try await bench.send("SCRIPT", "FLUSH") }
    let id = try await bench.submit()
    try await forget()
    let run = try await bench.claimOne()
    try await forget()
    #expect(try await bench.beat([run]).isEmpty)
    try await forget()
    #expect(try await bench.record(run, 1) { $0.checkpoint("a", "{}") } == .recorded)
    try await forget()
    #expect(try await bench.record(run, 2) { $0.finish(done: ["a"]) } == .recorded)
    try await forget()
    #expect(try await bench.store.status(of: id)?.status == .finished)
    try await forget()
    #expect(try await bench.health() == [0, 0, 1])
    try await forget()
    #expect(try await bench.store.recover().isEmpty)
    #expect(try await bench.log(id).count == 4)
  }
}
