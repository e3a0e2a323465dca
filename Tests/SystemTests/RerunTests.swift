import Curl
import ExactJSON
import Hiredis
import ModelServer
import RedisFixture
import SystemHarness
import Testing
import WorkflowStore

/// Ended runs that are run again: from the steps that failed, or from a step.
@Suite struct RerunTests {
  private static let model: JSONValue = [
    "run_name": "again", "inputs": ["text": "some  text"],
    "steps": [
      ["id": "pre", "op": "preprocess"],
      ["id": "keep", "op": "store_result", "params": ["namespace": "kept", "data": "@pre.clean_text"]],
      ["id": "llm", "op": "llm_summarize", "params": ["source": "@pre.clean_text"]],
      ["id": "store", "op": "store_result", "params": ["namespace": "again", "data": "@llm.summary"]],
    ],
  ]

  private func again(
    _ verb: String, _ id: String, _ body: String? = nil, of stack: Stack, answers code: Int = 202,
    generation: Int? = nil, _ location: SourceLocation = #_sourceLocation
  ) async throws {
    let headers = body == nil ? [] : [(name: "Content-Type", value: "application/json")]
    let answer = try await stack.send(
      "POST", "/workflow/\(id)/\(verb)", headers: headers, body: body.map { Array($0.utf8) })
    let json = try answer.json
    #expect(answer.status == code, "\(json)", sourceLocation: location)
    guard let generation else { return }
    #expect(json["generation"] == .number(JSONNumber(generation)), sourceLocation: location)
    #expect(answer.header("Location") == "/status/\(id)", sourceLocation: location)
  }

  private func stored(_ namespace: String, by id: String, _ stack: Stack) async throws -> [JSONValue] {
    try await stack.list("store:\(namespace)").compactMap { text in
      let item = try JSONValue(parsing: Array(text.utf8)).objectValue
      return item?["job_id"] == .string(id) ? item?["data"] : nil
    }
  }

  @Test func `A failed run is retried from the step that failed, and finishes`() async throws {
    try await Stack.withModel { stack, model in
      model.script([.status(401), .answer(text: "fine")])
      let id = try await stack.submit(Self.model)
      #expect(try await stack.end(of: id)["error_code"] == "provider_rejected")
      try await again("retry", id, of: stack, generation: 1)
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished" && status["generation"] == 1 && status["error"] == nil)
      #expect(status.at("result", "outputs", "llm", "summary") == "fine")
      #expect(status.at("result", "stores") == ["kept": ["some text"], "again": ["fine"]])
      #expect(status.at("steps", "llm", "attempts") == 1 && status.at("steps", "pre", "attempts") == 1)
      #expect(model.calls.map { $0.headers["idempotency-key"] } == ["\(id)/llm", "\(id)/llm@1"])
      let messages = try await stack.progress(of: id).compactMap { $0["msg"]?.stringValue }
      #expect(messages.count { $0 == "retried" } == 1 && messages.last == "finished")
      #expect(try await stored("kept", by: id, stack) == ["some text"])
      try await again("retry", id, of: stack, answers: 409)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A finished run is run again from a step, as often as somebody wants`() async throws {
    try await Stack.withModel { stack, model in
      model.script([.answer(text: "one"), .answer(text: "two"), .answer(text: "three")])
      let id = try await stack.submit(Self.model)
      let first = try await stack.end(of: id)
      try await again("rerun", id, #"{"from":"store"}"#, of: stack, generation: 1)
      let second = try await stack.end(of: id)
      #expect(second.at("result", "outputs", "llm") == first.at("result", "outputs", "llm") && model.calls.count == 1)
      #expect(second.at("result", "stores") == ["kept": ["some text"], "again": ["one"]])
      try await again("rerun", id, #"{"from":"llm"}"#, of: stack, generation: 2)
      #expect(try await stack.end(of: id).at("result", "stores") == ["kept": ["some text"], "again": ["two"]])
      try await again("rerun", id, #"{"from":"keep"}"#, of: stack, generation: 3)
      let last = try await stack.end(of: id)
      #expect(last.at("result", "stores") == ["again": ["two"], "kept": ["some text"]])
      #expect(last.at("result", "inputs") == ["text": "some  text"] && last["generation"] == 3)
      #expect(try await stored("again", by: id, stack) == ["one", "one", "two"])
      #expect(try await stored("kept", by: id, stack) == ["some text", "some text"])
      #expect(model.calls.count == 2)
      #expect(try await Audit(stack).problems(of: [id]) == [])
      try await again("rerun", id, #"{"from":"pre"}"#, of: stack, generation: 4)
      #expect(try await stack.end(of: id).at("result", "outputs", "llm", "summary") == "three")
    }
  }

  @Test func `A cancelled run is retried where it was, also twice at once`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Self.model)
      try await model.waitForCalls(1)
      #expect(try await stack.send("POST", "/workflow/\(id)/cancel").status == 200)
      let answers = try await concurrently([1, 2, 3]) { _ in try await stack.send("POST", "/workflow/\(id)/retry") }
      for answer in answers {
        #expect(answer.status == 202)
        #expect(try answer.json["generation"] == 1)
      }
      model.behaviour = .answer(text: "fine")
      model.release()
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `Only the items that failed are paid for again`() async throws {
    try await Stack.withModel { stack, model in
      model.script([.answer(text: "a"), .answer(text: "b"), .status(401), .answer(text: "c"), .answer(text: "d")])
      let id = try await stack.submit([
        "run_name": "items", "inputs": ["items": [0, 1, 2, 3]],
        "steps": [
          [
            "id": "map", "op": "llm_summarize", "foreach": "@inputs.items", "concurrency": 1,
            "params": ["source": "item {{item}}"],
          ]
        ],
      ])
      #expect(try await stack.end(of: id)["status"] == "failed")
      let calls = model.calls.count
      try await again("retry", id, of: stack, generation: 1)
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished" && model.calls.count == calls + 2)
      let summaries = status.at("result", "outputs", "map", "items")?.arrayValue?.map { $0.objectValue?["summary"] }
      #expect(summaries == ["a", "b", "c", "d"])
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `Large outputs, skipped and optional steps are kept as they were`() async throws {
    let stack = try await SharedStack.get()
    let text = String(repeating: "wide ", count: 150_000)
    let id = try await stack.submit([
      "run_name": "large", "inputs": ["text": .string(text)],
      "steps": [
        ["id": "pre", "op": "preprocess"],
        ["id": "never", "op": "preprocess", "when": ["empty": "@pre.clean_text"]],
        ["id": "broken", "op": "llm_summarize", "optional": true, "params": ["source": "@pre"]],
        ["id": "store", "op": "store_result", "params": ["namespace": "large", "data": "@pre.clean_text"]],
        ["id": "last", "op": "preprocess", "needs": ["store"]],
      ],
    ])
    let first = try await stack.end(of: id)
    #expect(first["status"] == "finished")
    try await again("rerun", id, #"{"from":"last"}"#, of: stack, generation: 1)
    let second = try await stack.end(of: id)
    #expect(second["result"] == first["result"])
    for step in ["never", "broken"] { #expect(second.at("steps", step) == first.at("steps", step)) }
    #expect(try await stored("large", by: id, stack).count == 1)
  }

  @Test func `What cannot be run again is refused with a reason, and changes nothing`() async throws {
    let stack = try await SharedStack.get()
    let id = try await stack.submit(["run_name": "r", "steps": [["id": "a", "op": "preprocess"]]])
    let status = try await stack.end(of: id)
    for body in ["[]", "{", #"{"from":1}"#, "{}", #"{"from":"b"}"#, #"{"from":"a","with":1}"#] {
      try await again("rerun", id, body, of: stack, answers: 422)
    }
    try await again("retry", id, of: stack, answers: 409)
    for unknown in ["00000000-0000-4000-8000-000000000000", "no-id"] {
      try await again("retry", unknown, of: stack, answers: 404)
      try await again("rerun", unknown, #"{"from":"a"}"#, of: stack, answers: 404)
    }
    let waiting = try await stack.submit([
      "run_name": "r", "delay_s": 600, "steps": [["id": "a", "op": "preprocess"]],
    ])
    try await again("retry", waiting, of: stack, answers: 409)
    try await again("rerun", waiting, #"{"from":"a"}"#, of: stack, answers: 409)
    #expect(try await stack.send("POST", "/workflow/\(waiting)/cancel").status == 200)
    #expect(try await stack.status(id) == status)
  }

  @Test(arguments: [CommitPoint.beforeReopen, .afterReopen, .beforeControl, .afterControl])
  func `An API that dies while it steers a run has done it whole or not at all`(_ point: CommitPoint) async throws {
    try await CommitPointTests.withTrap(at: point) { stack, model, trap in
      model.behaviour = .status(401)
      let id = try await stack.submit(Self.model)
      let isReopening = [.beforeReopen, .afterReopen].contains(point)
      if isReopening {
        #expect(try await stack.end(of: id)["status"] == "failed")
      } else {
        try await model.waitForCalls(1)
      }
      model.behaviour = .answer(text: "fine")
      trap.arm()
      _ = try await wait("an answer") {
        let answer = try await stack.send("POST", "/workflow/\(id)/\(isReopening ? "retry" : "pause")")
        if !isReopening { return [200, 409].contains(answer.status) ? true : nil }
        #expect([202, 409, 502].contains(answer.status))
        return [202, 409].contains(answer.status) ? true : nil
      }
      if isReopening {
        let status = try await stack.end(of: id)
        #expect(status["status"] == "finished" && status["generation"] == 1)
      } else {
        _ = try await stack.send("POST", "/workflow/\(id)/resume")
        _ = try await stack.end(of: id)
      }
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A dead letter that is retried is none any more`() async throws {
    try await Stack.withModel(settings: ["WF_LEASE_S": "1"]) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Self.model)
      for death in 1...3 {
        try await model.waitForCalls(death)
        let process = try stack.processID(of: "worker-1")
        try stack.signal(9, to: "worker-1")
        try await stack.waitForSuccessor(of: "worker-1", after: process)
      }
      #expect(try await stack.end(of: id)["error_code"] == "worker_crashed")
      func dead() async throws -> Int? {
        try await stack.send("GET", "/status?dead=1").json["runs"]?.arrayValue?.count
      }
      #expect(try await dead() == 1)
      model.behaviour = .answer(text: "fine")
      try await again("retry", id, of: stack, generation: 1)
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(try await dead() == 0)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }
}
