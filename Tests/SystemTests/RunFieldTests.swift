import Curl
import ExactJSON
import Hiredis
import ModelServer
import RedisFixture
import SystemHarness
import Testing
import WorkflowStore

/// What runs may say besides their steps: when they start, how long they may take and are kept, their labels.
@Suite struct RunFieldTests {
  private func body(_ fields: String, op: String = "preprocess") -> String {
    let params = op == "preprocess" ? "{}" : #"{"source":"x"}"#
    return #"{"run_name":"fields","steps":[{"id":"a","op":"\#(op)","params":\#(params)}],\#(fields)}"#
  }

  private func submit(_ fields: String, op: String = "preprocess", to stack: Stack) async throws -> String {
    try await stack.submit(JSONValue(parsing: body(fields, op: op)))
  }

  // MARK: Start

  @Test func `A run starts after its delay`() async throws {
    let stack = try await SharedStack.get()
    let status = try await stack.end(of: submit(#""delay_s":0.3"#, to: stack))
    #expect(status["status"] == "finished")
    let created = try #require(status["created_ts"]?.numberValue?.double)
    #expect(try #require(status["started_ts"]?.numberValue?.double) - created >= 0.3)
  }

  @Test func `A run whose time has not come is queued, and survives the death of every worker`() async throws {
    try await Stack.with(.init(settings: ["WF_LEASE_S": "2"])) { stack in
      let id = try await submit(#""run_at":"2999-01-01T01:00:00+01:00""#, to: stack)
      let status = try await stack.status(id)
      #expect(status["status"] == "queued" && status["due_ts"] == .number(JSONNumber(text: "32472144000.000000")!))
      let process = try stack.processID(of: "worker-1")
      try stack.signal(9, to: "worker-1")
      try await stack.waitForSuccessor(of: "worker-1", after: process)
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      #expect(try await stack.status(id)["status"] == "queued")
      _ = try await stack.command("ZADD", stack.key("timers", ofPartition: id), "XX", "0", id)
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A start in the past is refused, unless its key is known`() async throws {
    let stack = try await SharedStack.get()
    let refused = try await stack.post(body(#""run_at":"2020-01-01T00:00:00Z""#))
    #expect(refused.status == 422)
    let fault = try refused.json["detail"]?.arrayValue?.first?.objectValue
    #expect(fault?["loc"] == ["body", "run_at"] && fault?["msg"] == "Value error, the time has passed")
  }

  @Test func `Another delay is another body for an idempotency key`() async throws {
    let stack = try await SharedStack.get()
    let key = [("Idempotency-Key", "delay-\(UInt64.random(in: .min ... .max))")]
    let first = try await stack.post(body(#""delay_s":0.1"#), headers: key)
    #expect(try await stack.post(body(#""delay_s":0.1"#), headers: key).json == first.json)
    #expect(try await stack.post(body(#""delay_s":0.2"#), headers: key).status == 409)
  }

  // MARK: Time limit

  private func expectTimeout(_ status: JSONObject, _ seconds: String) {
    #expect(status["status"] == "failed" && status["error_code"] == "timeout")
    #expect(status["error"]?.stringValue == "the run took longer than \(seconds) s (timeout_s)")
    #expect(status.messages.last == "failed")
  }

  @Test func `A run that takes too long ends, and its call is aborted`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .hold
      let id = try await submit(#""timeout_s":0.5"#, op: "llm_summarize", to: stack)
      expectTimeout(try await stack.end(of: id), "0.5")
      try await model.waitForDisconnect()
      #expect(
        try await stack.run(["run_name": "r", "steps": [["id": "a", "op": "preprocess"]]])["status"] == "finished")
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A run that waits for its next attempt, or for a worker, ends when its time is over`() async throws {
    try await Stack.withModel(settings: ["WF_WORKER_RUNS": "1"]) { stack, model in
      model.script([.status(429, headers: [("Retry-After", "300")]), .hold])
      let parked = try await submit(#""timeout_s":1"#, op: "llm_summarize", to: stack)
      expectTimeout(try await stack.end(of: parked), "1")
      let holding = try await stack.submit(Examples.example)
      try await model.waitForCalls(2)
      let queued = try await submit(#""timeout_s":0.5"#, to: stack)
      expectTimeout(try await stack.end(of: queued), "0.5")
      model.behaviour = .answer(text: "fine")
      model.release()
      #expect(try await stack.end(of: holding)["status"] == "finished")
      #expect(try await stack.total("ZCARD", "timers") == 0)
      #expect(try await stack.total("ZCARD", "deadlines") == 0)
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      #expect(try await stack.command("HGETALL", stack.key("repairs", ofPartition: queued)).array?.isEmpty == true)
      #expect(try await Audit(stack).problems(of: [parked, holding, queued]) == [])
    }
  }

  @Test func `The time of a delayed run begins with its start`() async throws {
    let stack = try await SharedStack.get()
    let id = try await submit(#""delay_s":1,"timeout_s":0.5"#, to: stack)
    #expect(try await stack.end(of: id)["status"] == "finished")
    #expect(try await stack.command("ZSCORE", stack.key("deadlines", ofPartition: id), id).isNull)
  }

  // MARK: What is kept

  @Test func `A run is kept as long as it says`() async throws {
    let stack = try await SharedStack.get()
    let finished = try await submit(#""retain_s":77"#, to: stack)
    _ = try await stack.end(of: finished)
    let failed = try await submit(#""retain_s":78,"timeout_s":0.1,"delay_s":0.1"#, to: stack)
    _ = try await stack.end(of: failed)
    for (id, most, kinds) in [(finished, 77, ["job", "progress", "result"]), (failed, 78, ["job", "progress"])] {
      for kind in kinds {
        let left = try #require(try await stack.command("TTL", stack.key(kind, id)).int)
        #expect((most - 30...most).contains(left), "\(kind): \(left)")
      }
    }
  }

  @Test func `Labels and a priority are in the status`() async throws {
    let stack = try await SharedStack.get()
    let fields = #""labels":{"team":"search","app.kubernetes.io/part-of":"ä \"b\""},"priority":"high""#
    let status = try await stack.end(of: submit(fields, to: stack))
    #expect(status["status"] == "finished" && status["priority"] == "high")
    #expect(status["labels"] == ["team": "search", "app.kubernetes.io/part-of": "ä \"b\""])
  }
}
