import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing
import WorkflowStore

/// Steps whose model has failed for good continue with the next one of the chain.
@Suite struct ModelChainTests {
  private static let down = ModelServer.Behaviour.status(500, body: "down")
  private static let refused = ModelServer.Behaviour.status(401, body: #"{"error":{"message":"bad key"}}"#)
  private static let answer = ModelServer.Behaviour.answer(text: "fine")

  private func body(_ params: JSONObject = [:], _ more: JSONObject = [:]) -> JSONValue {
    var params = params
    params["source"] = "x"
    var step: JSONObject = ["id": "llm", "op": "llm_summarize", "params": .object(params)]
    for member in more.members { step[member.key] = member.value }
    return ["run_name": "chain", "inputs": ["names": ["second", "first"]], "steps": [.object(step)]]
  }

  private static let quickly: JSONObject = ["retry": ["delay_s": 0]]

  private func entries(_ message: String, _ status: JSONObject) -> [JSONObject] {
    (status["progress"]?.arrayValue ?? []).compactMap(\.objectValue).filter { $0["msg"] == .string(message) }
  }

  @Test func `A model that stays down is followed by the next, which answers with its own key`() async throws {
    try await Stack.withChain { stack, chain in
      chain.first.behaviour = Self.down
      let status = try await stack.run(body([:], Self.quickly))
      #expect(status["status"] == "finished" && status["degraded"] == nil)
      #expect(status.at("result", "outputs", "llm", "model") == "m2")
      #expect(
        status.messages == [
          "enqueued", "started", "step_start llm", "step_retry llm", "step_start llm", "step_retry llm",
          "llm_next_model llm", "step_start llm", "step_done llm", "finished",
        ])
      let change = try #require(entries("llm_next_model", status).first)
      #expect(change["model"] == "second" && change["instead_of"] == "first")
      #expect(change["error_code"] == "provider_unavailable")
      #expect(change["error"]?.stringValue?.hasPrefix("first: the model answered 500; 2 attempts in ") == true)
      #expect(status.at("steps", "llm", "attempts") == 3)
      #expect(status.at("steps", "llm", "retries")?.arrayValue?.count == 2)
      let id = try #require(status["job_id"]?.stringValue)
      #expect(chain.idempotencyKeys(chain.first) == ["\(id)/llm", "\(id)/llm"])
      #expect(chain.idempotencyKeys(chain.second) == ["\(id)/llm#second"])
      #expect(Set(chain.first.calls.compactMap { $0.headers["authorization"] }) == ["Bearer hush-first"])
      #expect(chain.second.calls.first?.headers["authorization"] == "Bearer hush-second")
      #expect(chain.first.calls.first?.body?.objectValue?["model"] == "m1")
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A refusal leads to the next model at once, and its words to the worker's log alone`() async throws {
    try await Stack.withChain { stack, chain in
      chain.first.behaviour = Self.refused
      let status = try await stack.run(body())
      #expect(status.at("result", "outputs", "llm", "model") == "m2")
      #expect(chain.first.calls.count == 1 && chain.second.calls.count == 1)
      #expect(entries("llm_next_model", status).first?["error"] == "first: the model answered 401")
      #expect(!JSONValue.object(status).text.contains("bad key"))
    }
  }

  @Test func `When all have failed the step fails, or the placeholder summarizes`() async throws {
    for fallback in ["fail", "placeholder"] {
      try await Stack.withChain(settings: ["WF_LLM_FALLBACK": fallback]) { stack, chain in
        chain.first.behaviour = Self.refused
        chain.second.behaviour = Self.refused
        let status = try await stack.run(body())
        #expect(chain.first.calls.count == 1 && chain.second.calls.count == 1)
        #expect(entries("llm_next_model", status).count == 1)
        if fallback == "fail" {
          #expect(status["error_code"] == "provider_rejected")
          #expect(status["error"] == "step llm: second: the model answered 401")
        } else {
          #expect(status["degraded"] == true)
          #expect(status.at("result", "outputs", "llm", "provider") == "placeholder")
          #expect(entries("llm_fallback", status).first?["error"] == "second: the model answered 401")
        }
        // Both failures are told with the name of the model.
        let log = try stack.log(of: "worker-1")
        for model in ["first", "second"] {
          #expect(log.split(separator: "\n").contains { $0.contains("bad key") && $0.contains("model=\(model)") })
        }
      }
    }
  }

  @Test func `A short wait for a model is waited, a long one leads to the next`() async throws {
    try await Stack.withChain { stack, chain in
      chain.first.script([.status(429, headers: [("Retry-After", "0")]), .status(429), Self.answer])
      let short = try await stack.run(body([:], Self.quickly))
      #expect(short.at("result", "outputs", "llm", "model") == "m1")
      #expect(chain.first.calls.count == 3 && chain.second.calls.isEmpty)
      chain.first.script([.status(429, headers: [("Retry-After", "6")])])
      let long = try await stack.run(body())
      #expect(long.at("result", "outputs", "llm", "model") == "m2")
      #expect(entries("llm_next_model", long).first?["error_code"] == "rate_limited")
      #expect(chain.first.calls.count == 4 && chain.second.calls.count == 1)
      // The last model of a chain has all the time of the step.
      chain.first.script([Self.refused])
      chain.second.script([.status(429, headers: [("Retry-After", "300")])])
      let id = try await stack.submit(body())
      _ = try await wait("\(id) to wait") {
        try await stack.command("ZSCORE", stack.key("timers", ofPartition: id), id).isNull ? nil : true
      }
      #expect(try await stack.status(id).at("steps", "llm", "status") == "waiting")
    }
  }

  @Test func `A step names one model or its own chain, and its retry counts for each`() async throws {
    try await Stack.withChain { stack, chain in
      let one = try await stack.run(body(["model": "second"]))
      #expect(one.at("result", "outputs", "llm", "model") == "m2" && chain.first.calls.isEmpty)
      chain.second.behaviour = Self.down
      for names in [["second", "first"], "@inputs.names", ["second", "@inputs.names[1]"]] as [JSONValue] {
        let status = try await stack.run(body(["model": names], ["retry": ["max_attempts": 1]]))
        #expect(status.at("result", "outputs", "llm", "model") == "m1")
      }
      #expect(chain.second.calls.count == 4 && chain.first.calls.count == 3)
      let alone = try await stack.run(body(["model": "second"], ["retry": ["max_attempts": 1]]))
      #expect(alone["error"]?.stringValue?.hasPrefix("step llm: the model answered 500") == true)
    }
  }

  @Test func `A model is asked for its most tokens at most`() async throws {
    try await withModelChain { chain, path in
      let bounded = chain.file().replacing(#""model":"m1""#, with: #""model":"m1","max_tokens":50"#)
      try write(bounded, to: path)
      let settings = ["WF_MODELS_FILE": path].merging(ModelChain.keys) { $1 }
      try await Stack.with(.init(settings: settings)) { stack in
        for (model, limit) in [("first", 60), ("first", 40), ("second", 60)] {
          let params: JSONObject = ["model": .string(model), "max_tokens": .number(JSONNumber(limit))]
          let status = try await stack.run(body(params))
          #expect(status["status"] == "finished")
        }
        let limits = (chain.first.calls + chain.second.calls).map { $0.body?.objectValue?["max_tokens"] }
        #expect(limits == [50, 40, 60])
      }
    }
  }

  @Test func `Names that are none are refused at submission, with those that there are`() async throws {
    try await Stack.withChain { stack, chain in
      for (model, place, words) in [
        ("third", #""model"]"#, "Input should be 'first' or 'second' (WF_MODELS_FILE)"),
        ("m1", #""model"]"#, "Input should be 'first' or 'second' (WF_MODELS_FILE)"),
        (["first", "third"], #""model",1]"#, "Input should be 'first' or 'second' (WF_MODELS_FILE)"),
        (["first", "first"], #""model",1]"#, "it is in the list already"),
        ([], #""model"]"#, "List should have at least 1 item"),
      ] as [(JSONValue, String, String)] {
        let answer = try await stack.post(body(["model": model]).bytes)
        let text = String(decoding: answer.body, as: UTF8.self)
        #expect(answer.status == 422 && text.contains(words) && text.contains(place), "\(text)")
      }
      let brought = try await stack.run(body(["model": ["first", "@inputs.names"]]))
      #expect(brought["error_code"] == "operation_failed")
      #expect(chain.first.calls.isEmpty && chain.second.calls.isEmpty)
      let document = try await stack.send("GET", "/workflow/openapi.json")
      #expect(String(decoding: document.body, as: UTF8.self).contains(#""enum":["first","second"]"#))
    }
  }

  @Test func `Items continue with the next model one by one`() async throws {
    try await Stack.withChain { stack, chain in
      chain.first.script([Self.refused])
      let status = try await stack.run(body([:], ["foreach": ["a", "b", "c"], "concurrency": 1]))
      #expect(status["status"] == "finished")
      let items = status.at("result", "outputs", "llm", "items")?.arrayValue ?? []
      #expect(items.map { $0.objectValue?["model"] } == ["m2", "m1", "m1"])
      let change = try #require(entries("llm_next_model", status).first)
      #expect(change["item"] == 0 && change["model"] == "second")
      let id = try #require(status["job_id"]?.stringValue)
      #expect(chain.idempotencyKeys(chain.second) == ["\(id)/llm/0#second"])
    }
  }

  @Test func `A run that is retried begins with the first model again`() async throws {
    try await Stack.withChain { stack, chain in
      chain.first.script([Self.refused])
      chain.second.script([Self.refused])
      let status = try await stack.run(body())
      let id = try #require(status["job_id"]?.stringValue)
      #expect(status["status"] == "failed")
      #expect(try await stack.send("POST", "/workflow/\(id)/retry").status == 202)
      #expect(try await stack.end(of: id).at("result", "outputs", "llm", "model") == "m1")
      #expect(chain.idempotencyKeys(chain.first) == ["\(id)/llm", "\(id)/llm@1"])
      #expect(chain.second.calls.count == 1)
    }
  }

  // MARK: Crashes

  @Test func `A worker that is killed while the second model is called leaves the run with the second`() async throws {
    try await Stack.withChain { stack, chain in
      chain.first.behaviour = Self.refused
      chain.second.behaviour = .hold
      let id = try await stack.submit(body())
      try await chain.second.waitForCalls(1)
      let attempts = try await stack.command("HGET", stack.key("outputs", id), "try:llm").string ?? ""
      #expect(attempts.contains(#""alternative":"second","failed_before":1"#))
      try stack.signal(SIGKILL, to: "worker-1")
      try await chain.second.waitForCalls(2)
      chain.second.release()
      let status = try await stack.end(of: id)
      #expect(status.at("result", "outputs", "llm", "model") == "m2")
      #expect(chain.first.calls.count == 1)
      #expect(Set(chain.idempotencyKeys(chain.second)) == ["\(id)/llm#second"])
      #expect(entries("llm_next_model", status).count == 1)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  private static let points: [CommitPoint] = [.beforeRecord, .afterRecord, .beforeCall, .afterCall]

  @Test(arguments: points)
  func `Wherever a worker dies, no model is called more often than it may be`(_ point: CommitPoint) async throws {
    let trap = CommitPointTests.Trap(point: point)
    defer { system("rm -rf \(trap.folder)") }
    let settings = ["COMMIT_POINT": point.rawValue, "COMMIT_POINT_MARK": trap.mark]
    try await Stack.withChain(settings: settings) { stack, chain in
      chain.first.script([.status(503, headers: [("Retry-After", "1")])])
      chain.first.behaviour = Self.down
      let id = try await stack.submit(body([:], Self.quickly))
      try await chain.first.waitForCalls(1)
      trap.arm()
      try await trap.sprung()
      let status = try await stack.end(of: id)
      #expect(status.at("result", "outputs", "llm", "model") == "m2")
      // Beside those that were answered and not recorded.
      #expect((2...3).contains(chain.first.calls.count) && (1...2).contains(chain.second.calls.count))
      #expect(entries("llm_next_model", status).count == 1)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }
}
