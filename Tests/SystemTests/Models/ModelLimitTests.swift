import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing
import WorkflowStore

/// What all workers together may ask of models and spend on them.
@Suite struct ModelLimitTests {
  static let down = ModelServer.Behaviour.status(500, body: "down")

  /// A run without a model.
  private static let plain: JSONValue = [
    "run_name": "plain", "inputs": ["text": "a"], "steps": [["id": "pre", "op": "preprocess"]],
  ]

  /// Two workers or more and one model, `m`, with members of the file besides.
  func withModel(
    _ members: String, workers: Int = 2, settings: [String: String] = [:],
    _ body: @escaping @Sendable (Stack, ModelServer) async throws -> Void
  ) async throws {
    try await withFolder { folder in
      let model = try ModelServer()
      defer { model.close() }
      let path = "\(folder)/models.json"
      try write(#"{"models":[{"name":"m","base_url":"\#(model.baseURL)","model":"m"\#(members)}]}"#, to: path)
      let own = ["WF_MODELS_FILE": path, "WF_LLM_FALLBACK": "fail", "WF_LEASE_S": "2"]
      try await Stack.with(.init(workers: workers, settings: own.merging(settings) { $1 })) {
        try await body($0, model)
      }
    }
  }

  func body(_ more: JSONObject = [:], steps: Int = 1, needs: Bool = true) -> JSONValue {
    let list = (0..<steps).map { index -> JSONValue in
      var step: JSONObject = [
        "id": .string("s\(index)"), "op": "llm_summarize", "params": ["source": "x", "max_tokens": 100],
        "retry": ["delay_s": 0],
      ]
      if needs, index > 0 { step["needs"] = [.string("s\(index - 1)")] }
      return .object(step)
    }
    var body: JSONObject = ["run_name": "limits", "steps": .array(list)]
    for member in more.members { body[member.key] = member.value }
    return .object(body)
  }

  func entries(_ message: String, _ status: JSONObject) -> [JSONObject] {
    (status["progress"]?.arrayValue ?? []).compactMap(\.objectValue).filter { $0["msg"] == .string(message) }
  }

  /// An answer whose usage is known: 30 tokens of the prompt, 10 of them cached, and 20 of the answer.
  private static let counted = ModelServer.Behaviour.malformed(
    #"{"object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}],"usage":{"prompt_tokens":30,"completion_tokens":20,"prompt_tokens_details":{"cached_tokens":10}}}"#
  )

  /// Prices, and what such an answer costs by them: 20 × 1 + 10 × 0.5 + 20 × 2 millionths.
  private static let prices = #","prices":{"input":1,"cached_input":0.5,"output":2}"#
  private static let price = JSONNumber(text: "0.000065")

  // MARK: Limits

  @Test func `All workers together make as many calls at the same time as the model may get`() async throws {
    try await withModel(#","limits":{"concurrent":2}"#) { stack, model in
      model.behaviour = .hold
      let ids = try await (0..<6).asyncMap { _ in try await stack.submit(body()) }
      var answered = 0
      while answered < 6 {
        try await model.waitForCalls(min(6, answered + 2))
        #expect(model.calls.count <= answered + 2)
        answered = min(6, answered + 2)
        model.release()
      }
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(model.calls.count == 6)
    }
  }

  @Test func `A run that waits for its turn holds no place, and says what it waits for`() async throws {
    try await withModel(#","limits":{"concurrent":1}"#, workers: 1, settings: ["WF_WORKER_RUNS": "2"]) { stack, model in
      model.behaviour = .hold
      let first = try await stack.submit(body())
      try await model.waitForCalls(1)
      let others = try await (0..<4).asyncMap { _ in try await stack.submit(body()) }
      for id in others {
        _ = try await wait("\(id) to wait") {
          try await stack.status(id).at("steps", "s0", "status") == "waiting" ? true : nil
        }
      }
      // The second place is free for a run without a model.
      #expect(try await stack.run(Self.plain)["status"] == "finished")
      let status = try await stack.status(others[0])
      let retry = try #require(entries("step_retry", status).first)
      #expect(retry["waits_for"] == "calls" && retry["error_code"] == "rate_limited")
      #expect(status.at("steps", "s0", "attempts") == 0)
      model.behaviour = .echo
      model.release()
      for id in [first] + others { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(model.calls.count == 5)
    }
  }

  @Test func `No more calls begin in a minute than the model may get`() async throws {
    try await withModel(#","limits":{"requests_min":40}"#) { stack, model in
      let ids = try await (0..<8).asyncMap { _ in try await stack.submit(body()) }
      // Two calls and a half begin in the three seconds that they may be early; one each 1.7 s follows.
      for id in ids.prefix(3) { #expect(try await stack.end(of: id)["status"] == "finished") }
      let waiting = try await wait("the turns") { () -> [JSONObject]? in
        let statuses = try await ids.asyncMap { try await stack.status($0) }
        let found = statuses.flatMap { entries("step_retry", $0) }
        return found.count >= 4 ? found : nil
      }
      #expect(waiting.allSatisfy { $0["waits_for"] == "requests" })
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(model.calls.count == 8)
    }
  }

  @Test func `A model that keeps failing is left alone by all workers, and tried by one call`() async throws {
    try await withModel("", settings: ["WF_LLM_COOLDOWN_S": "2"]) { stack, model in
      model.behaviour = Self.down
      let ids = try await (0..<6).asyncMap { _ in try await stack.submit(body()) }
      let status = try await wait("a wait") { () -> JSONObject? in
        for id in ids {
          let status = try await stack.status(id)
          if entries("step_retry", status).contains(where: { $0["waits_for"] == "cooldown" }) { return status }
        }
        return nil
      }
      #expect(entries("step_retry", status).contains { $0["error_code"] == "provider_unavailable" })
      #expect(try await stack.command("HGET", stack.modelKey("m"), "rounds").int ?? 0 > 0)
      model.behaviour = .echo
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      #expect(try await stack.command("HGET", stack.modelKey("m"), "rounds").isNull)
    }
  }

  // MARK: Usage

  @Test func `Usage and cost are those of attempts, steps, the run, and the day`() async throws {
    try await withModel(Self.prices) { stack, model in
      model.script([.status(400, body: #"{"error":{"message":"no"}}"#), Self.counted])
      model.behaviour = Self.counted
      let refused = try await stack.run(body())
      #expect(refused["status"] == "failed")
      #expect(refused.at("usage", "calls") == 1 && refused.at("usage", "cost") == 0)
      let status = try await stack.run(body(steps: 2))
      #expect(status["status"] == "finished")
      let price = try #require(Self.price)
      for step in ["s0", "s1"] {
        #expect(status.at("steps", step, "usage", "cost") == .number(price))
        #expect(status.at("steps", step, "usage", "input_tokens") == 30)
        #expect(status.at("steps", step, "usage", "cached_tokens") == 10)
      }
      #expect(status.at("usage", "calls") == 2 && status.at("usage", "output_tokens") == 40)
      #expect(status.at("usage", "cost")?.numberValue?.text == "0.00013")
      #expect(status.at("usage", "estimated") == nil)
      let day = try await wf("usage", "--json", settings: ["WF_URL": stack.url])
      let sums = try #require(JSONValue(parsing: Array(day.output.utf8)).objectValue?["usage"]?.arrayValue)
      #expect(sums.count == 1)
      let sum = try #require(sums.first?.objectValue)
      #expect(sum["model"] == "m" && sum["owner"] == .null && sum["calls"] == 3 && sum["failed"] == 1)
      #expect(sum["cost"]?.numberValue?.text == "0.00013" && sum["input_tokens"] == 60)
      let table = try await wf("usage", settings: ["WF_URL": stack.url])
      #expect(table.output.contains("0.00013"))
    }
  }

  @Test func `Items of a step are counted together`() async throws {
    try await withModel(Self.prices) { stack, model in
      model.behaviour = Self.counted
      let step: JSONValue = [
        "id": "s", "op": "llm_summarize", "foreach": ["a", "b", "c"], "params": ["source": "@item"],
      ]
      let status = try await stack.run(["run_name": "items", "steps": [step]])
      #expect(status.at("steps", "s", "usage", "calls") == 3)
      #expect(status.at("usage", "cost")?.numberValue?.text == "0.000195")
    }
  }

  @Test func `A call whose worker died is booked as the most that it may have cost`() async throws {
    try await withModel(Self.prices, workers: 1) { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(body())
      try await model.waitForCalls(1)
      let booked = try await stack.command("HGET", stack.spentKey(of: id), "booked").int ?? 0
      #expect(booked > 200_000, "100 tokens of the answer cost 0.0002")
      try stack.signal(SIGKILL, to: "worker-1")
      try await model.waitForCalls(2)
      model.behaviour = Self.counted
      model.release()
      let status = try await stack.end(of: id)
      #expect(status.at("usage", "calls") == 2 && status.at("usage", "estimated") == true)
      let spent = try await stack.command("HGET", stack.spentKey(of: id), "booked").int ?? 0
      let cost = try #require(status.at("usage", "cost")?.numberValue?.double)
      #expect(Int((cost * 1_000_000_000).rounded()) == spent && spent >= booked)
    }
  }

  @Test func `An answer that is kept is taken again, marked, and costs nothing`() async throws {
    try await withModel(Self.prices) { stack, model in
      func run(_ more: JSONObject) async throws -> JSONObject {
        var params: JSONObject = ["source": "x", "cache_s": 600]
        for member in more.members { params[member.key] = member.value }
        let step: JSONValue = ["id": "s", "op": "llm_summarize", "params": .object(params)]
        return try await stack.run(["run_name": "kept", "steps": [step]])
      }
      model.behaviour = Self.counted
      let first = try await run([:])
      #expect(first.at("result", "outputs", "s", "cached") == nil)
      let second = try await run([:])
      #expect(second.at("result", "outputs", "s", "summary") == "fine")
      #expect(second.at("result", "outputs", "s", "cached") == true && second["usage"] == nil)
      #expect(model.calls.count == 1)
      for other in [["cache_s": 0], ["max_tokens": 7], ["temperature": 1], ["source": "y"]] as [JSONObject] {
        #expect(try await run(other).at("result", "outputs", "s", "cached") == nil)
      }
      #expect(model.calls.count == 5)
    }
  }

  // MARK: Budgets

  @Test func `A run spends no more than max_cost`() async throws {
    try await withModel(Self.prices) { stack, model in
      model.behaviour = Self.counted
      // The prompt has some 100 bytes, the answer up to 100 tokens: a call may cost some 0.0003.
      let status = try await stack.run(body(["max_cost": .number(try #require(JSONNumber(text: "0.0004")))], steps: 9))
      #expect(status["status"] == "failed" && status["error_code"] == "budget_exceeded")
      let error = status["error"]?.stringValue ?? ""
      #expect(
        error.contains(#/could cost 0\.\d+, and 0\.\d+ is left of the run's max_cost of 0\.0004; a lower max_tokens/#))
      #expect((1...5).contains(model.calls.count))
      #expect(status.at("usage", "cost")?.numberValue?.double ?? 1 <= 0.0004)
      let free = try await stack.run(body(["max_cost": 1], steps: 2))
      #expect(free["status"] == "finished")
    }
  }

  @Test func `Calls at the same time wait for each other's cost`() async throws {
    try await withModel(Self.prices) { stack, model in
      model.behaviour = Self.counted
      let status = try await stack.run(
        body(["max_cost": .number(try #require(JSONNumber(text: "0.0009")))], steps: 8, needs: false))
      #expect(status["status"] == "finished", "\(status["error"] ?? .null)")
      #expect(model.calls.count == 8)
    }
  }

  @Test func `A budget refuses a model without a price`() async throws {
    try await withModel("") { stack, model in
      let status = try await stack.run(body(["max_cost": 1]))
      #expect(status["error_code"] == "budget_exceeded")
      #expect(status["error"]?.stringValue?.contains("no price of the model is known") == true)
      #expect(model.calls.isEmpty)
    }
  }

  @Test func `An owner's runs spend no more in a day than they may`() async throws {
    try await withModel(Self.prices, settings: ["WF_MAX_COST_DAY": "0.0004"]) { stack, model in
      model.behaviour = Self.counted
      var last: JSONObject = [:]
      for _ in 0..<9 where last["status"] != "failed" { last = try await stack.run(body()) }
      #expect(last["error_code"] == "budget_exceeded")
      #expect(last["error"]?.stringValue?.contains("today (UTC)") == true)
      #expect((1...5).contains(model.calls.count))
    }
  }

  @Test func `Amounts that are none are refused`() async throws {
    try await withModel("") { stack, _ in
      for amount in [-1, "1", 2_000_000] as [JSONValue] {
        let answer = try await stack.post(body(["max_cost": amount]).bytes)
        #expect(answer.status == 422)
      }
    }
  }
}

extension Sequence {
  /// The results of a function for each element, one after another.
  func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
