import ExactJSON
import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

/// Documents and results above what one script may touch.
@Suite(.timeLimit(.minutes(2))) struct LargeDocumentsTests {
  private let bench: Bench
  private let group: GroupCommit

  init() throws {
    bench = try Bench(on: RedisServer(), limits: RunStore.Limits(retain: 1_000))
    group = GroupCommit(Partitions(bench.store), large: Partitions(bench.store))
  }

  private func outputs(_ name: String, bytes: Int) -> String {
    #"{"\#(name)":"\#(String(repeating: name, count: bytes - name.count - 7))"}"#
  }

  private func write(
    _ run: ClaimedRun, _ sequence: Int, token: String? = nil, _ fill: (inout CheckpointBatch) -> Void
  ) async throws -> WriteOutcome {
    var batch = bench.record(after: run)
    fill(&batch)
    let held = HeldRun(id: run.id, token: token ?? run.token)
    return try await group.write(PendingBatch(batch, of: held, sequence: sequence))
  }

  /// The result that the texts of steps make, with the default inputs.
  private func result(_ steps: [(String, String)], stored: String? = nil) -> String {
    let outputs = steps.map { #""\#($0)":\#($1)"# }.joined(separator: ",")
    let stores = stored.map { #"{"x":[\#($0)]}"# } ?? "{}"
    return #"{"run_name":"run","inputs":{"text":"a"},"outputs":{\#(outputs)},"stores":\#(stores)}"#
  }

  @Test func `A large document lies in pieces, is read by the next claim, and is whole in the result`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne("1")
    let texts = [("a", outputs("a", bytes: 1_700_000)), ("b", outputs("b", bytes: 600_000)), ("c", "{}")]
    let value = "\"" + String(repeating: "v", count: 1_300_000) + "\""
    let first = try await write(run, 1) { batch in
      batch.checkpoint("a", texts[0].1, inLog: false)
      batch.store("b", 0, "x", value)
      batch.checkpoint("b", texts[1].1, inLog: false)
    }
    #expect(first == .recorded)
    let fields = try await bench.hash("outputs:\(id)")
    #expect(fields["out:a"] == "/4" && fields["out:b"] == "/2" && fields["stored:b"] == "/3")
    #expect(fields.values.allSatisfy { $0.utf8.count <= 512 << 10 })
    #expect(try await bench.list("store:x").count == 1)
    try await bench.record(run, 2) { $0.end = .handedBack(asSuspect: false) }

    let second = try await bench.claimOne("2")
    #expect(second.recorded.keys.sorted() == ["a", "b"] && second.stored.map(\.unit.name) == ["b"])
    #expect(second.recorded["a"] == (try JSONValue(parsing: texts[0].1).objectValue))
    #expect(second.documentBytes > 3_600_000)
    let last = try await write(second, 1) { batch in
      batch.checkpoint("c", "{}")
      batch.runDocumentBytes = second.documentBytes
      batch.finish(done: ["a", "b", "c"], stores: [("x", ["b"])])
    }
    #expect(last == .recorded)
    #expect(try await bench.text("result:\(id)") == result(texts, stored: value))
    #expect(try #require(try await bench.ttl("result:\(id)")) > 900)
    #expect(
      try await bench.keys().allSatisfy {
        !$0.contains(":\(id)") || ["job", "progress", "result"].contains(String($0.prefix { $0 != ":" }))
      })
    let facts = try #require(try await bench.store.facts(of: id))
    #expect(facts.bytes > 3_600_000 && facts.bytes < 3_700_000)
  }

  @Test func `A failed run's large outputs are part of its status`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    let text = outputs("a", bytes: 1_200_000)
    _ = try await write(run, 1) { $0.checkpoint("a", text, inLog: false) }
    #expect(try await write(run, 2) { $0.fail() } == .recorded)
    let status = try #require(try await bench.store.status(of: id))
    #expect(status.outputs.mapValues { String(decoding: $0, as: UTF8.self) } == ["a": text])
    #expect(try #require(try await bench.ttl("outputs:\(id)")) > 900)
  }

  @Test func `A large batch sent again, or under another token, changes nothing`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    func fill(_ batch: inout CheckpointBatch) { batch.checkpoint("a", outputs("a", bytes: 1_200_000), inLog: false) }
    let fresh = try await bench.snapshot()
    #expect(try await write(run, 1, token: "1-other", fill) == .lost("started"))
    #expect(try await write(run, 2, fill) == .behind(0))
    #expect(try await bench.snapshot() == fresh)
    #expect(try await write(run, 1, fill) == .recorded)
    let before = try await bench.snapshot()
    #expect(try await write(run, 1, fill) == .recorded)
    #expect(try await bench.snapshot() == before)
    let texts = [("a", outputs("a", bytes: 1_200_000)), ("b", outputs("b", bytes: 700_000))]
    func end(_ batch: inout CheckpointBatch) {
      batch.checkpoint("b", texts[1].1, inLog: false)
      batch.runDocumentBytes = 1_900_000
      batch.finish(done: ["a", "b"])
    }
    #expect(try await write(run, 2, end) == .recorded)
    let ended = try await bench.snapshot()
    #expect(try await write(run, 2, end) == .recorded)
    #expect(try await bench.snapshot() == ended)
    #expect(try await bench.text("result:\(id)") == result(texts))
  }

  @Test func `What a Redis that lost writes has lost of a batch is asked for again`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    let before = try await bench.send("HGET", bench.prefix + "holds", "\(run.id)").string ?? ""
    func fill(_ batch: inout CheckpointBatch) { batch.checkpoint("a", outputs("a", bytes: 1_200_000), inLog: false) }
    try await bench.send("SET", bench.prefix + "store:bad", "mine")
    // A refused batch leaves its number to another one, which is written in fewer calls.
    let refused = try await write(run, 1) { batch in
      fill(&batch)
      batch.store("b", 0, "bad", "1")
    }
    #expect(refused == .refused("\(bench.prefix)store:bad is a string, not a list", namespace: "bad"))
    #expect(try await bench.send("HGET", bench.prefix + "holds", "\(run.id)").string == before)
    #expect(try await bench.hash("outputs:\(run.id)")["out:a"] == nil)
    #expect(try await write(run, 1, fill) == .recorded)
    #expect(try await bench.state(run.id)["seq"] == "1")
  }

  @Test func `However large a run is, no call brings more than a megabyte, and its result takes its own size`()
    async throws
  {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.send("CONFIG", "SET", "slowlog-log-slower-than", "0")
    try await bench.send("CONFIG", "SET", "slowlog-max-len", "10000")
    try await bench.send("SLOWLOG", "RESET")
    let texts = "abcdefgh".map { (String($0), outputs(String($0), bytes: 2_000_000)) }
    for (number, text) in texts.enumerated() {
      _ = try await write(run, number + 1) { $0.checkpoint(text.0, text.1, inLog: false) }
    }
    let outcome = try await write(run, 9) { batch in
      batch.runDocumentBytes = 16_000_000
      batch.finish(done: texts.map(\.0))
    }
    #expect(outcome == .recorded)
    #expect(try await bench.text("result:\(id)")?.utf8.count == result(texts).utf8.count)
    let calls = try await bench.send("SLOWLOG", "GET", "-1").array ?? []
    let scripts = calls.filter { $0.array?[3].array?.first?.string?.uppercased() == "EVALSHA" }
    // As many as there are megabytes, once as documents and once as the result.
    #expect(scripts.count > 30)
    let used = try await bench.send("MEMORY", "USAGE", bench.prefix + "result:\(id)").int ?? 0
    #expect(used < 1_200 * 16_000)
  }
}
