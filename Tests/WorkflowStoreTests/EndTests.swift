import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct EndTests {
  private static let inputs =
    #"{ "n":12345678901234567890, "big" :1e400,"one":1.0,"neg":-0.0,"nul":"a\u0000b","esc":"\/\u00e9é","text":"😀"}"#
  private let bench: Bench

  init() throws { bench = try Bench(limits: RunStore.Limits(retain: 1_000)) }

  @Test func `A finished run's result is spliced from its documents, byte by byte`() async throws {
    let id = try await bench.submit(name: "a \"name\"\u{0}", inputs: EndTests.inputs, steps: ["a", "b", "c", "d"])
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { record in
      record.store("b", 0, "x", "1e400")
      record.checkpoint("b", #"{"n":0.10}"#)
    }
    try await bench.record(run, 2) { $0.checkpoint("a", #"{"s":"\u0000","%s":"%1"}"#, inLog: false) }
    try await bench.record(run, 3) { record in
      record.store("c", 1, "y \"q\"", #"{"z":1,"a":2}"#)
      record.checkpoint("c", "{}")
      record.store("d", 2, "x", #""é""#)
      record.checkpoint("d", #"{"last":null}"#)
      record.finish(
        name: "a \"name\"\u{0}", done: ["b", "a", "c", "d"], stores: [("x", ["b", "d"]), ("y \"q\"", ["c"])])
    }
    #expect(
      try await bench.text("result:\(id)")
        == #"{"run_name":"a \"name\"\u0000","inputs":"# + EndTests.inputs
        + #","outputs":{"b":{"n":0.10},"a":{"s":"\u0000","%s":"%1"},"c":{},"d":{"last":null}},"#
        + #""stores":{"x":[1e400,"é"],"y \"q\"":[{"z":1,"a":2}]}}"#)
  }

  @Test func `A finished run leaves its inputs and checkpoints to the result, holds no lease and expires`() async throws
  {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { record in
      record.store("a", 0, "x", "1")
      record.checkpoint("a", #"{"n":1}"#)
    }
    try await bench.record(run, 2) { record in
      record.store("b", 1, "x", "2")
      record.checkpoint("b", #"{"n":2}"#)
      record.finish(done: ["a", "b"], stores: [("x", ["a", "b"])])
    }
    #expect(
      try await bench.keys() == [
        "claim:w", "classes", "idle", "job:\(id)", "progress:\(id)", "result:\(id)", "serves", "store:x",
      ])
    #expect(try await bench.documents(id).isEmpty)
    for kind in ["job", "progress", "result"] {
      #expect((900...1_000).contains(try #require(try await bench.ttl("\(kind):\(id)"))), "\(kind)")
    }
    let job = try await bench.hash("job:\(id)")
    #expect(job["status"] == "finished" && job["error"] == nil && job["finished_ts"] != nil)
    #expect(try await bench.log(id).last == #"{"msg":"finished"}"#)
    #expect(try await bench.list("store:x").count == 2)
  }

  @Test func `A result whose documents are gone is refused, and nothing is half written`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.checkpoint("a", "{}") }
    try await bench.send("HDEL", "\(bench.prefix)outputs:\(id)", "out:a")
    let before = try await bench.snapshot()
    let answer = try await bench.record(run, 2) { record in
      record.store("b", 0, "x", "1")
      record.checkpoint("b", "{}")
      record.finish(done: ["a", "b"], stores: [("x", ["b"])])
    }
    #expect(answer == .refused("the document out:a is gone", namespace: nil))
    #expect(try await bench.snapshot() == before)
  }

  @Test func `A failed run says why, keeps its inputs and checkpoints, holds no lease and expires`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { $0.checkpoint("a", #"{"n":1}"#) }
    try await bench.record(run, 2) { record in
      record.log(.stepStart(step: "b", op: "note"))
      record.store("c", 0, "x", "1")
      record.checkpoint("c", #"{"n":3}"#)
      record.fail(.rateLimited, "step b: \"no\"\n😀")
    }
    #expect(
      try await bench.keys() == [
        "claim:w", "classes", "docs:\(id)", "idle", "job:\(id)", "outputs:\(id)", "progress:\(id)", "serves", "store:x",
      ])
    let documents = try await bench.documents(id)
    #expect(
      documents.keys.sorted() == ["inputs", "out:a", "out:c", "place:c", "steps", "stored:c"])
    for kind in ["job", "progress", "docs", "outputs"] {
      #expect((900...1_000).contains(try #require(try await bench.ttl("\(kind):\(id)"))), "\(kind)")
    }
    let job = try await bench.hash("job:\(id)")
    #expect(job["status"] == "failed" && job["error_code"] == "rate_limited")
    #expect(job["error"] == "step b: \"no\"\n😀" && job["finished_ts"] != nil)
    #expect(
      try await bench.log(id).last == #"{"msg":"failed","error_code":"rate_limited","error":"step b: \"no\"\n😀"}"#)
  }

  @Test func `A run handed back is at the head of its queue, unleased, and keeps what it has`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne("1")
    let waiting = try await bench.submit()
    try await bench.record(run, 1) { record in
      record.checkpoint("a", "{}")
      record.end = .handedBack(asSuspect: false)
    }
    #expect(try await bench.list(Bench.queue) == [id, waiting].map(\.description))
    #expect(try await bench.type("leases") == "none")
    let job = try await bench.hash("job:\(id)")
    #expect(job["status"] == "queued" && job["finished_ts"] == nil)
    #expect(try await bench.documents(id)["out:a"] == "{}")
    #expect(try await bench.ttl("job:\(id)") == -1)
    #expect(try await bench.claim(1, id: "2").runs.map(\.id) == [id])
  }

  @Test func `A suspect handed back is at the head of the suspects`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne("1")
    try await bench.record(run, 1) { $0.end = .handedBack(asSuspect: true) }
    #expect(try await bench.list(Bench.suspects) == [id.description])
    #expect(try await bench.type(Bench.queue) == "none")
    #expect(try await bench.claimOne("2").isSuspect)
  }
}
