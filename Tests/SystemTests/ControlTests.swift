import Curl
import ExactJSON
import Hiredis
import ModelServer
import RedisFixture
import SystemHarness
import Testing
import WorkflowStore

/// Runs that are cancelled, paused and resumed, wherever they are.
@Suite struct ControlTests {
  private static let model: JSONValue = [
    "run_name": "steered",
    "steps": [
      ["id": "pre", "op": "preprocess"], ["id": "llm", "op": "llm_summarize", "params": ["source": "@pre.clean_text"]],
      ["id": "store", "op": "store_result", "needs": ["llm"], "params": ["namespace": "steered"]],
    ],
  ]
  private static let short: JSONValue = ["run_name": "r", "steps": [["id": "a", "op": "preprocess"]]]

  private static func later(_ seconds: String) -> JSONValue {
    [
      "run_name": "later", "delay_s": JSONNumber(text: seconds).map { .number($0) } ?? .null,
      "steps": [["id": "a", "op": "preprocess"]],
    ]
  }

  private func expect(
    _ verb: String, _ id: String, of stack: Stack, answers code: Int, _ status: String? = nil,
    _ location: SourceLocation = #_sourceLocation
  ) async throws {
    let answer = try await stack.send("POST", "/workflow/\(id)/\(verb)")
    #expect(answer.status == code, sourceLocation: location)
    guard let status else { return }
    #expect(try answer.json == ["job_id": .string(id), "status": .string(status)], sourceLocation: location)
  }

  /// Where a run is when it is cancelled.
  enum Place: String, Sendable, CaseIterable {
    case queued, parked, waiting, started, paused
  }

  @Test(arguments: Place.allCases) func `A run is cancelled wherever it is, and nothing of it goes on`(
    _ place: Place
  ) async throws {
    try await Stack.withModel { stack, model in
      let id = try await bring(to: place, stack, model)
      let before = try await stack.progress(of: id).count
      try await expect("cancel", id, of: stack, answers: 200, "cancelled")
      if place == .started { try await model.waitForDisconnect() }
      try await expect("cancel", id, of: stack, answers: 200, "cancelled")
      let status = try await stack.end(of: id)
      #expect(status["status"] == "cancelled" && status["error"] == nil && status["result"] == .null)
      #expect(status.messages.last == "cancelled" && status.messages.count == before + 1)
      if place == .started {
        #expect(status["steps"]?.objectValue?["pre"]?.objectValue?["outputs"] == ["clean_text": ""])
      }
      let calls = model.calls.count
      model.behaviour = .answer(text: "fine")
      if place == .queued { try stack.signal(18, to: "worker-1") }
      #expect(try await stack.run(Self.short)["status"] == "finished")
      #expect(try await stack.status(id) == status)
      #expect(model.calls.count == calls)
      #expect(try await Audit(stack).problems(of: [id]) == [])
      let health = try await stack.send("GET", "/status/health").json
      #expect(health["queued"] == 0 && health["repairs"] == nil, "\(health)")
    }
  }

  private func bring(to place: Place, _ stack: Stack, _ model: ModelServer) async throws -> String {
    switch place {
    case .queued:
      try stack.signal(19, to: "worker-1")
      return try await stack.submit(Self.short)
    case .parked: return try await stack.submit(Self.later("600"))
    case .waiting:
      model.behaviour = .status(429, headers: [("Retry-After", "60")])
      let id = try await stack.submit(Self.model)
      _ = try await wait("the retry") { try await stack.progress(of: id).last?["msg"] == "step_retry" ? true : nil }
      return id
    case .started:
      model.behaviour = .hold
      let id = try await stack.submit(Self.model)
      try await model.waitForCalls(1)
      return id
    case .paused:
      let id = try await stack.submit(Self.later("600"))
      try await expect("pause", id, of: stack, answers: 200, "queued")
      return id
    }
  }

  @Test func `What has ended otherwise, or is unknown, is not steered`() async throws {
    let stack = try await SharedStack.get()
    let finished = try await stack.submit(Self.short)
    let status = try await stack.end(of: finished)
    let unknown = "00000000-0000-4000-8000-000000000000"
    for verb in ["cancel", "pause", "resume"] {
      try await expect(verb, finished, of: stack, answers: 409)
      try await expect(verb, unknown, of: stack, answers: 404)
      try await expect(verb, "no-id", of: stack, answers: 404)
      #expect(try await stack.send("GET", "/workflow/\(finished)/\(verb)").status == 405)
    }
    #expect(try await stack.status(finished) == status)
  }

  @Test func `A paused run waits, and continues where it was`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Self.model)
      try await model.waitForCalls(1)
      try await expect("pause", id, of: stack, answers: 200, "started")
      try await expect("pause", id, of: stack, answers: 200, "started")
      model.behaviour = .answer(text: "fine")
      model.release()
      let paused = try await wait("the pause") {
        let status = try await stack.status(id)
        return status["status"] == "queued" ? status : nil
      }
      #expect(paused["paused"] == true && paused["steps"]?.objectValue?["llm"]?.objectValue?["status"] == "done")
      #expect(try await stack.run(Self.short)["status"] == "finished")
      #expect(try await stack.status(id)["status"] == "queued")
      try await expect("resume", id, of: stack, answers: 200, "queued")
      let end = try await stack.end(of: id)
      #expect(end["status"] == "finished" && end["paused"] == nil && model.calls.count == 1)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A run that is paused in its last step ends, and is paused no more`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit([
        "run_name": "last", "steps": [["id": "llm", "op": "llm_summarize", "params": ["source": "x"]]],
      ])
      try await model.waitForCalls(1)
      try await expect("pause", id, of: stack, answers: 200, "started")
      model.behaviour = .answer(text: "fine")
      model.release()
      let end = try await stack.end(of: id)
      #expect(end["status"] == "finished" && end["paused"] == nil)
      let counts = try await stack.send("GET", "/status/counts").json
      #expect(counts["paused"] == 0)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A pause holds over the death of the worker, and a delayed start over a pause`() async throws {
    try await Stack.withModel(settings: ["WF_LEASE_S": "2"]) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Self.model)
      try await model.waitForCalls(1)
      let process = try stack.processID(of: "worker-1")
      try stack.signal(19, to: "worker-1")
      try await expect("pause", id, of: stack, answers: 200, "started")
      try stack.signal(9, to: "worker-1")
      try await stack.waitForSuccessor(of: "worker-1", after: process)
      _ = try await wait("the recovery") { try await stack.status(id)["status"] == "queued" ? true : nil }
      let delayed = try await stack.submit(Self.later("0.5"))
      try await expect("pause", delayed, of: stack, answers: 200, "queued")
      #expect(try await stack.run(Self.later("0.6"))["status"] == "finished")
      for paused in [id, delayed] { #expect(try await stack.status(paused)["status"] == "queued") }
      model.behaviour = .answer(text: "fine")
      for paused in [id, delayed] { try await expect("resume", paused, of: stack, answers: 200, "queued") }
      for paused in [id, delayed] { #expect(try await stack.end(of: paused)["status"] == "finished") }
      #expect(try await Audit(stack).problems(of: [id, delayed]) == [])
    }
  }

  @Test func `A long queue may hold cancelled and paused runs`() async throws {
    try await Stack.withModel { stack, _ in
      try stack.signal(19, to: "worker-1")
      let ids = try await concurrently(Array(0..<1_100)) { _ in try await stack.submit(Self.short) }
      for id in ids[0..<3] { try await expect("cancel", id, of: stack, answers: 200, "cancelled") }
      for id in ids[3..<6] { try await expect("pause", id, of: stack, answers: 200, "queued") }
      try await expect("resume", ids[3], of: stack, answers: 200, "queued")
      try stack.signal(18, to: "worker-1")
      for id in ids[6...] { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await stack.end(of: ids[3])["status"] == "finished")
      for id in ids[0..<3] { #expect(try await stack.status(id)["status"] == "cancelled") }
      for id in ids[4..<6] { #expect(try await stack.status(id)["paused"] == true) }
      for id in ids[4..<6] { try await expect("resume", id, of: stack, answers: 200, "queued") }
      for id in ids[4..<6] { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await Audit(stack).problems(of: ids) == [])
      #expect(try await stack.send("GET", "/status/health").json["repairs"] == nil)
    }
  }
}
