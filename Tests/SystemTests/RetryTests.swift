import ExactJSON
import Glibc
import Hiredis
import ModelServer
import RedisFixture
import SystemHarness
import Testing
import WorkflowStore

/// Steps that are attempted again: how often, after which failures, and where the run waits meanwhile.
@Suite struct RetryTests {
  /// What the model does, call by call, and what becomes of the step.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let retry: String
    let script: [ModelServer.Behaviour]
    /// The status of the run, the code of its failure, and how often the model was called.
    let end: String

    var testDescription: String { name }
    var body: String {
      #"{"run_name":"retry","steps":[{"id":"llm","op":"llm_summarize","params":{"source":"x"},"retry":\#(retry)}]}"#
    }
  }

  private static let busy = ModelServer.Behaviour.status(503, body: "busy")
  private static let limited = ModelServer.Behaviour.status(429, headers: [("Retry-After", "0")])
  private static let answer = ModelServer.Behaviour.answer(text: "fine")

  private static let cases = [
    Case(
      name: "as often as it may", retry: #"{"max_attempts":3,"delay_s":0.01}"#, script: [busy, busy, answer],
      end: "finished  3"),
    Case(
      name: "no more often", retry: #"{"max_attempts":2,"delay_s":0.01}"#, script: [busy, busy, answer],
      end: "failed provider_unavailable 2"),
    Case(name: "once", retry: #"{"max_attempts":1}"#, script: [busy, answer], end: "failed provider_unavailable 1"),
    Case(
      name: "a refusal for too many requests does not count", retry: #"{"max_attempts":1,"delay_s":0.01}"#,
      script: [limited, limited, limited, answer], end: "finished  4"),
    Case(
      name: "no time for another", retry: #"{"total_s":0}"#, script: [busy, answer],
      end: "failed provider_unavailable 1"),
    Case(
      name: "other failures than those that are named", retry: #"{"on":["timeout","rate_limited"],"delay_s":0.01}"#,
      script: [limited, busy, answer], end: "failed provider_unavailable 2"),
    Case(
      name: "a failure that is named, although it does not pass",
      retry: #"{"on":["provider_rejected"],"delay_s":0.01}"#,
      script: [.status(401), answer], end: "finished  2"),
    Case(
      name: "a failure that does not pass", retry: #"{"max_attempts":9,"delay_s":0.01}"#,
      script: [.status(401), answer], end: "failed provider_rejected 1"),
  ]

  @Test(arguments: cases) func `A step is attempted as its retry says`(_ example: Case) async throws {
    try await Stack.withModel { stack, model in
      model.script(example.script)
      let status = try await stack.run(JSONValue(parsing: example.body))
      let end = [status["status"]?.stringValue, status["error_code"]?.stringValue ?? "", "\(model.calls.count)"]
      #expect(end.compactMap { $0 }.joined(separator: " ") == example.end)
      let step = status.at("steps", "llm")?.objectValue
      #expect(step?["attempts"]?.numberValue?.int == model.calls.count)
      #expect((step?["retries"]?.arrayValue?.count ?? 0) == model.calls.count - 1)
      #expect(Set(model.calls.compactMap { $0.headers["idempotency-key"] }).count == 1)
    }
  }

  @Test func `Attempts and their reasons are in the status`() async throws {
    try await Stack.withModel { stack, model in
      model.script([Self.busy, Self.busy])
      let status = try await stack.run(JSONValue(parsing: Self.cases[1].body))
      let retry = status.at("steps", "llm", "retries")?.arrayValue?.first?.objectValue
      #expect(retry?["error_code"] == "provider_unavailable" && retry?["error"] == "the model answered 503")
      #expect(retry?["attempt"] == 1 && retry?["retry_at"]?.numberValue != nil)
      #expect(status["error"]?.stringValue?.hasPrefix("step llm: the model answered 503; 2 attempts in ") == true)
      #expect(
        status.messages.suffix(5) == [
          "step_start llm", "step_retry llm", "step_start llm", "step_failed llm", "failed",
        ])
    }
  }

  @Test func `Any operation can be attempted again`() async throws {
    let stack = try await SharedStack.get()
    let step =
      #"{"id":"a","op":"llm_summarize","params":{"source":"@inputs.n"},"retry":{"max_attempts":3,"delay_s":0.01}}"#
    let failed = try await stack.run(JSONValue(parsing: #"{"run_name":"r","inputs":{"n":1},"steps":[\#(step)]}"#))
    // Its parameters are of a wrong type each time: it never runs, so it is not repeated.
    #expect(failed["status"] == "failed" && failed.at("steps", "a", "attempts") == 1)
  }

  // MARK: Waiting

  private func submitWaiting(_ count: Int, _ stack: Stack, _ model: ModelServer) async throws -> [String] {
    model.behaviour = .status(429, headers: [("Retry-After", "300")])
    var ids: [String] = []
    for _ in 1...count { ids.append(try await stack.submit(Examples.example)) }
    for id in ids { try await waitUntilParked(id, stack) }
    return ids
  }

  private func waitUntilParked(_ id: String, _ stack: Stack) async throws {
    _ = try await wait("\(id) to wait") {
      try await stack.command("ZSCORE", stack.key("timers", ofPartition: id), id).isNull ? nil : true
    }
  }

  /// Has the time come for the step `llm` of parked runs.
  private func hasten(_ ids: [String], _ stack: Stack) async throws {
    for id in ids {
      let outputs = stack.key("outputs", id)
      let text = try #require(try await stack.command("HGET", outputs, "try:llm").string)
      var attempts = try #require(try JSONValue(parsing: text).objectValue)
      attempts["due"] = 0
      _ = try await stack.command("HSET", outputs, "try:llm", JSONValue.object(attempts).text)
      _ = try await stack.command("ZADD", stack.key("timers", ofPartition: id), "XX", "0", id)
    }
  }

  @Test func `A run that waits long holds no slot and no lease, and continues when its time comes`() async throws {
    try await Stack.withModel(settings: ["WF_WORKER_RUNS": "8"]) { stack, model in
      let waiting = try await submitWaiting(8, stack, model)
      let other = try await stack.run(["run_name": "r", "steps": [["id": "pre", "op": "preprocess"]]])
      #expect(other["status"] == "finished")
      #expect(try await stack.total("HLEN", "holds") == 0)
      #expect(try await stack.total("ZCARD", "leases") == 0)
      let status = try await stack.status(waiting[0])
      #expect(status["status"] == "queued" && status.at("steps", "llm", "status") == "waiting")
      let created = try #require(status["created_ts"]?.numberValue?.double)
      let due = try #require(status["due_ts"]?.numberValue?.double)
      #expect(due - created > 299 && due - created < 400)

      model.behaviour = Self.answer
      try await hasten(waiting, stack)
      for id in waiting {
        let end = try await stack.end(of: id)
        #expect(end["status"] == "finished" && end.at("steps", "llm", "attempts") == 2)
      }
      #expect(model.calls.count == 16)
      #expect(try await Audit(stack).problems(of: waiting) == [])
    }
  }

  @Test func `A run that waits outlives its worker, and keeps its attempts`() async throws {
    try await Stack.withModel { stack, model in
      let id = try await submitWaiting(1, stack, model)[0]
      let process = try stack.processID(of: "worker-1")
      try stack.signal(SIGKILL, to: "worker-1")
      try await stack.waitForSuccessor(of: "worker-1", after: process)
      try await hasten([id], stack)
      try await model.waitForCalls(2)
      try await waitUntilParked(id, stack)
      model.behaviour = Self.answer
      try await hasten([id], stack)
      let status = try await stack.end(of: id)
      #expect(status.at("steps", "llm", "attempts") == 3)
      #expect(status.at("steps", "llm", "retries")?.arrayValue?.compactMap { $0.objectValue?["attempt"] } == [1, 2])
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A step that waits is not attempted again once another one has failed the run`() async throws {
    try await Stack.withModel { stack, model in
      model.script([.status(429, headers: [("Retry-After", "300")]), .hold])
      // Whichever of them calls first waits.
      let steps = ["a", "b"].map { id -> JSONValue in
        [
          "id": .string(id), "op": "llm_summarize", "params": ["source": "x"], "timeout_s": 2,
          "retry": ["on": ["rate_limited"]],
        ]
      }
      let status = try await stack.run(["run_name": "r", "steps": .array(steps)])
      #expect(status["status"] == "failed")
      #expect(["a", "b"].allSatisfy { status.at("steps", $0, "status") == "failed" })
      #expect(model.calls.count == 2)
      #expect(try await stack.total("ZCARD", "timers") == 0)
    }
  }

  private static let points: [CommitPoint] = [
    .afterClaim, .beforeCall, .beforeRecord, .afterRecord, .beforeHandBack, .afterHandBack, .beforeFinish,
  ]

  @Test(arguments: points)
  func `A worker's death loses no attempt of a step`(_ point: CommitPoint) async throws {
    try await CommitPointTests.withTrap(at: point) { stack, model, trap in
      model.script([Self.busy, .status(503, headers: [("Retry-After", "1")]), Self.answer])
      model.behaviour = Self.answer
      trap.arm()
      let retry = #"{"max_attempts":5,"delay_s":0.01}"#
      let body = Case(name: "", retry: retry, script: [], end: "").body
      let id = try await stack.submit(JSONValue(parsing: body))
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      let retries = status.at("steps", "llm", "retries")?.arrayValue?.compactMap { $0.objectValue?["attempt"] }
      #expect(retries?.first == 1 && (retries?.count ?? 0) <= 2)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }
}
