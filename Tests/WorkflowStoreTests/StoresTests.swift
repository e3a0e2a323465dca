import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct StoresTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  @Test func `A store gets what a step stored, with the run and the step it came from`() async throws {
    let limits = RunStore.Limits(retain: 1_000, storeItems: 10)
    let bench = try Bench(limits: limits)
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { record in
      record.store("a", 0, "x", #"{"n":12345678901234567890}"#)
      record.checkpoint("a", "{}")
      record.store("b", 1, "y", "null")
      record.store("c", 2, "x", #""\u0000""#)
    }
    #expect(
      try await bench.list("store:x") == [
        "{\"job_id\":\"\(id)\",\"step\":\"a\",\"data\":{\"n\":12345678901234567890}}",
        "{\"job_id\":\"\(id)\",\"step\":\"c\",\"data\":\"\\u0000\"}",
      ])
    #expect(try await bench.list("store:y") == ["{\"job_id\":\"\(id)\",\"step\":\"b\",\"data\":null}"])
    let documents = try await bench.documents(id)
    #expect(documents["stored:a"] == #"{"n":12345678901234567890}"# && documents["place:a"] == #"0,"x""#)
    #expect(documents["place:c"] == #"2,"x""#)
    #expect(try #require(try await bench.ttl("store:x")) > 900)
  }

  @Test func `A store keeps the newest, and lives on from its last append`() async throws {
    let bench = try Bench(limits: RunStore.Limits(retain: 1_000, storeItems: 3))
    try await bench.submit()
    let run = try await bench.claimOne()
    func data() async throws -> [String] {
      try await bench.list("store:x").map { String($0.suffix(2).dropLast()) }
    }
    try await bench.record(run, 1) { record in
      for order in 0..<5 { record.store("s\(order)", order, "x", "\(order)") }
    }
    #expect(try await data() == ["2", "3", "4"])
    try await bench.send("EXPIRE", bench.prefix + "store:x", "100")
    try await bench.record(run, 2) { $0.store("s5", 5, "x", "5") }
    #expect(try await data() == ["3", "4", "5"])
    #expect(try #require(try await bench.ttl("store:x")) > 900)
  }

  @Test func `Namespaces are told apart by their bytes`() async throws {
    try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.record(run, 1) { record in
      record.store("a", 0, "\u{e9}", "1")
      record.store("b", 1, "e\u{301}", "2")
      record.store("c", 2, "\u{e9}", "3")
    }
    #expect(try await bench.list("store:\u{e9}").count == 2)
    #expect(try await bench.list("store:e\u{301}").count == 1)
  }

  @Test func `A store that is no list is refused, and nothing is half written`() async throws {
    let id = try await bench.submit()
    let run = try await bench.claimOne()
    try await bench.send("SET", bench.prefix + "store:text", "mine")
    let before = try await bench.snapshot()
    let answer = try await bench.record(run, 1) { record in
      record.store("a", 0, "list", "1")
      record.checkpoint("a", "{}")
      record.store("b", 1, "text", "2")
      record.checkpoint("b", "{}")
    }
    #expect(answer == .refused("\(bench.prefix)store:text is a string, not a list", namespace: "text"))
    #expect(try await bench.snapshot() == before)
    #expect(try await bench.record(run, 1) { $0.fail() } == .recorded)
    #expect(try await bench.hash("job:\(id)")["status"] == "failed")
    #expect(try await bench.text("store:text") == "mine")
  }
}
