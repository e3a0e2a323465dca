import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// Clients that wait: `?wait`, `?since`, entity tags, and server-sent events.
@Suite struct EventTests {
  private func withHeldRun(
    settings: [String: String] = [:], _ body: @escaping @Sendable (Stack, ModelServer, String) async throws -> Void
  ) async throws {
    let model = try ModelServer()
    defer { model.close() }
    let own = ["WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LEASE_S": "600"]
    try await Stack.with(.init(settings: own.merging(settings) { $1 })) { stack in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      try await body(stack, model, id)
    }
  }

  /// The entries that a run of the example writes, by name.
  private let whole = [
    "enqueued", "started", "step_start pre", "step_done pre", "step_start llm", "step_done llm", "step_start store",
    "step_done store", "finished",
  ]

  @Test func `events come as they happen, in order, each once, and the stream ends with the run`() async throws {
    let whole = whole
    try await withHeldRun { stack, model, id in
      var events = try await EventReader(stack, id)
      let before = try await events.take(until: { $0.message == "step_start llm" })
      #expect(before.compactMap(\.message) == Array(whole.prefix(5)))
      model.release()
      let after = try await events.rest()
      let all = before + after
      #expect(all.compactMap(\.message) == whole)
      #expect(all.compactMap(\.id) == Array(0..<9))
      #expect(all.compactMap(\.status) == ["started", "finished"])
      #expect(all.last?.status == "finished")
    }
  }

  @Test func `clients that wait, follow from the start and join in the middle share a run, and each sees its part`()
    async throws
  {
    let whole = whole
    try await withHeldRun { stack, model, id in
      async let waited = stack.send("GET", "/status/\(id)?wait=60")
      var first = try await EventReader(stack, id)
      var late = try await EventReader(stack, id, headers: [("Last-Event-ID", "2")])
      _ = try await late.take(until: { $0.message == "step_start llm" })
      var fresh = try await EventReader(stack, id, headers: [("Last-Event-ID", "4")])
      _ = try await fresh.take(until: { $0.status == "started" })
      model.release()
      #expect(try await first.rest().compactMap(\.message) == whole)
      #expect(try await late.rest().compactMap(\.id) == [5, 6, 7, 8])
      #expect(try await fresh.rest().compactMap(\.id) == [5, 6, 7, 8])
      #expect(try await waited.json["status"] == "finished")
    }
  }

  @Test func `a client that comes back goes on after the last event it saw`() async throws {
    let stack = try await SharedStack.get()
    let id = try await stack.submit(Examples.example)
    _ = try await stack.end(of: id)
    var events = try await EventReader(stack, id, headers: [("Last-Event-ID", "4")])
    let rest = try await events.rest()
    #expect(rest.compactMap(\.id) == [5, 6, 7, 8])
    let done = try await stack.send("GET", "/status/\(id)/events", headers: [("Last-Event-ID", "8")])
    #expect(done.status == 204)
    let odd = try await stack.send("GET", "/status/\(id)/events", headers: [("Last-Event-ID", "x")])
    #expect(odd.status == 422)
    let both = try await stack.send("GET", "/status/\(id)/events?since=x", headers: [("Last-Event-ID", "4")])
    #expect(both.status == 422)
    let unknown = try await stack.send("GET", "/status/00000000-0000-4000-8000-000000000000/events")
    #expect(unknown.status == 404)
  }

  @Test func `a restart of Redis loses and repeats no event`() async throws {
    let whole = whole
    try await withHeldRun { stack, model, id in
      var events = try await EventReader(stack, id)
      let before = try await events.take(until: { $0.message == "step_start llm" })
      let redis = try stack.processID(of: "redis")
      try stack.signal(SIGTERM, to: "redis")
      _ = try await wait("another Redis") { try stack.processID(of: "redis") != redis ? true : nil }
      model.release()
      let all = before + (try await events.rest())
      #expect(all.compactMap(\.message) == whole)
      #expect(all.compactMap(\.id) == Array(0..<9))
    }
  }

  @Test func `a client that comes back while Redis is away is answered, and goes on when it is back`() async throws {
    let whole = whole
    try await withHeldRun { stack, model, id in
      try stack.signal(SIGSTOP, to: "redis")
      var events = try await EventReader(stack, id, headers: [("Last-Event-ID", "2")])
      var unknown = try await EventReader(stack, "00000000-0000-4000-8000-000000000000")
      try stack.signal(SIGCONT, to: "redis")
      model.release()
      let rest = try await events.rest().compactMap(\.message)
      #expect(rest == Array(whole.dropFirst(3)))
      #expect(try await unknown.rest().isEmpty)
    }
  }

  @Test func `an API that stops ends its streams and answers those who wait`() async throws {
    try await withHeldRun { stack, model, id in
      var events = try await EventReader(stack, id)
      let before = try await events.take(until: { $0.message == "step_start llm" })
      #expect(before.map(\.retry) == [1_000] + Array(repeating: nil, count: before.count - 1))
      // Of a run of its own, so that its channel tells when the client waits.
      let other = try await stack.submit(Examples.example)
      async let waiting = stack.send("GET", "/status/\(other)?wait=60")
      _ = try await wait("the waiting client") {
        let subscribers = try await stack.command("PUBSUB", "NUMSUB", stack.key("events", other)).array?.last?.int
        return subscribers == 1 ? true : nil
      }
      try stack.signal(SIGTERM, to: "api")
      #expect(try await events.rest().compactMap(\.id) == [])
      #expect(try await waiting.json["status"] == "started")
      model.release()
    }
  }

  @Test func `wait holds the answer until the run ends, or the time is over`() async throws {
    try await withHeldRun { stack, model, id in
      let early = try await stack.send("GET", "/status/\(id)?wait=1")
      #expect(try early.json["status"] == "started")
      async let waiting = stack.send("GET", "/status/\(id)?wait=60")
      model.release()
      #expect(try await waiting.json["status"] == "finished")
      #expect(try await stack.send("GET", "/status/\(id)?wait=60").json["status"] == "finished")
    }
  }

  @Test func `since leaves out the entries before it, and an entity tag saves an answer that is known`() async throws {
    let stack = try await SharedStack.get()
    let id = try await stack.submit(Examples.example)
    let whole = try await stack.end(of: id)
    let since = try await stack.send("GET", "/status/\(id)?since=7").json
    #expect(since["progress"]?.arrayValue == (whole["progress"]?.arrayValue?.suffix(2)).map { Array($0) })
    #expect(since["steps"] == whole["steps"])
    let first = try await stack.send("GET", "/status/\(id)")
    let tag = try #require(first.header("ETag"))
    let second = try await stack.send("GET", "/status/\(id)", headers: [("If-None-Match", "\"x\",\tW/\(tag)")])
    #expect(second.status == 304 && second.body.isEmpty)
    for name in ["ETag", "Cache-Control"] { #expect(second.header(name) == first.header(name)) }
  }

  @Test(arguments: ["wait=61", "wait=x", "wait=-1", "wait=+1", "since=-1", "since=99999999999999999999"])
  func `a query that is none is refused and named`(_ query: String) async throws {
    let stack = try await SharedStack.get()
    let response = try await stack.send(
      "GET", "/status/\(String(repeating: "0", count: 8))-0000-4000-8000-000000000000?\(query)")
    #expect(response.status == 422)
    let name = String(query.prefix { $0 != "=" })
    #expect(try response.json["detail"]?.arrayValue?.first?.objectValue?["loc"] == ["query", .string(name)])
  }
}
