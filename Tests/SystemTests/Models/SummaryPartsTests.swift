import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing
import WorkflowStore

/// `llm_summarize` with sources that are longer than a call may have, on the whole stack.
@Suite struct SummaryPartsTests {
  private static let sentence = "The fjord is deep and the mountains are steep. "
  private static let text = String(repeating: sentence, count: 800)

  private func body(_ more: JSONObject = [:], params: JSONObject = ["chunk_tokens": 400]) -> JSONValue {
    var params = params
    if params["source"] == nil { params["source"] = "@inputs.text" }
    var step: JSONObject = [
      "id": "llm", "op": "llm_summarize", "params": .object(params), "retry": ["delay_s": 0],
    ]
    for member in more.members { step[member.key] = member.value }
    return ["run_name": "long", "inputs": ["text": .string(Self.text)], "steps": [.object(step)]]
  }

  /// How often each key was sent.
  private func calls(_ model: ModelServer) -> [String: Int] {
    Dictionary(grouping: model.calls.compactMap { $0.headers["idempotency-key"] }) { $0 }.mapValues(\.count)
  }

  private func number(_ key: String) -> Int? {
    guard let part = key.split(separator: "~").dropFirst().last else { return nil }
    return part.split(separator: "-").dropFirst().first.flatMap { Int($0) }
  }

  /// Waits until a number of parts are recorded; their numbers.
  private func recorded(_ count: Int, _ id: String, _ stack: Stack) async throws -> Set<Int> {
    try await wait("\(count) recorded parts") {
      let names = try await stack.command("HKEYS", stack.key("outputs", id)).array ?? []
      let parts = names.compactMap(\.string).filter { $0.hasPrefix("item:llm:") }.compactMap { Int($0.dropFirst(9)) }
      return parts.count >= count ? Set(parts) : nil
    }
  }

  private static func answers(_ count: Int) -> [ModelServer.Behaviour] {
    Array(repeating: .answer(text: "A part."), count: count)
  }

  @Test func `A worker that is killed in the middle leaves its parts to the next, which asks for none again`()
    async throws
  {
    try await Stack.withModel { stack, model in
      model.script(Self.answers(6))
      model.behaviour = .hold
      let id = try await stack.submit(body())
      try await model.waitForCalls(10)
      let known = try await recorded(6, id, stack)
      let process = try stack.processID(of: "worker-1")
      try stack.signal(SIGKILL, to: "worker-1")
      model.behaviour = .answer(text: "A part.")
      try await stack.waitForSuccessor(of: "worker-1", after: process)
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      let parts = try #require(status.at("result", "outputs", "llm", "parts")?.numberValue?.int)
      let calls = calls(model)
      // The parts, and their summary.
      #expect(calls.count == parts + 1 && calls["\(id)/llm"] == 1)
      for (key, count) in calls {
        guard let number = number(key) else { continue }
        // Six were recorded; four more were under way.
        #expect(known.contains(number) ? count == 1 : count <= 2, "\(key): \(count)")
      }
      #expect(calls.values.reduce(0, +) == parts + 5)
      #expect(status.messages.contains("step_progress llm") && status.messages.contains("resumed"))
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  private static let points: [CommitPoint] = [.beforeCall, .afterCall, .beforeRecord, .afterRecord, .beforeFinish]

  @Test(arguments: points)
  func `A worker's death at any point costs no more than the calls that were under way`(_ point: CommitPoint)
    async throws
  {
    try await CommitPointTests.withTrap(at: point) { stack, model, trap in
      model.behaviour = .answer(text: "A part.")
      trap.arm()
      let id = try await stack.submit(body())
      let status = try await stack.end(of: id)
      let parts = try #require(status.at("result", "outputs", "llm", "parts")?.numberValue?.int)
      #expect(calls(model).count == parts + 1 && model.calls.count <= parts + 1 + 4)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `An attempt that fails, and a worker that stops, lose no part`() async throws {
    try await Stack.withModel(settings: ["WF_DRAIN_S": "0.5"]) { stack, model in
      model.script(Self.answers(5) + [.status(503)] + Self.answers(9))
      model.behaviour = .hold
      let id = try await stack.submit(body())
      try await model.waitForCalls(19)
      _ = try await recorded(14, id, stack)
      let process = try stack.processID(of: "worker-1")
      try stack.signal(SIGTERM, to: "worker-1")
      model.behaviour = .answer(text: "A part.")
      try await stack.waitForSuccessor(of: "worker-1", after: process)
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished")
      let parts = try #require(status.at("result", "outputs", "llm", "parts")?.numberValue?.int)
      // One that failed, and those that the stop has cut off.
      #expect(calls(model).count == parts + 1 && model.calls.count <= parts + 1 + 5)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A run that failed in the middle continues there when it is retried`() async throws {
    try await Stack.withModel { stack, model in
      model.script(Self.answers(6))
      model.behaviour = .status(400)
      let id = try await stack.submit(body())
      #expect(try await stack.end(of: id)["error_code"] == "provider_rejected")
      let known = try await recorded(6, id, stack)
      let before = model.calls.count
      model.behaviour = .answer(text: "A part.")
      #expect(try await stack.send("POST", "/workflow/\(id)/retry").status == 202)
      let status = try await stack.end(of: id)
      let parts = try #require(status.at("result", "outputs", "llm", "parts")?.numberValue?.int)
      #expect(model.calls.count - before == parts - known.count + 1)
      // From the step itself, all of it is asked again.
      let last = model.calls.count
      let rerun = try await stack.send("POST", "/workflow/\(id)/rerun", body: Array(#"{"from":"llm"}"#.utf8))
      #expect(rerun.status == 202)
      _ = try await stack.end(of: id)
      #expect(model.calls.count - last == parts + 1)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A run that is cancelled in the middle closes its calls and makes no other`() async throws {
    try await Stack.withModel { stack, model in
      model.script(Self.answers(3))
      model.behaviour = .hold
      let id = try await stack.submit(body())
      try await model.waitForCalls(7)
      #expect(try await stack.send("POST", "/workflow/\(id)/cancel").status == 200)
      try await model.waitForDisconnect(4)
      #expect(try await stack.end(of: id)["status"] == "cancelled")
      #expect(model.calls.count == 7)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `Parts of items are recorded as well`() async throws {
    try await Stack.withModel { stack, model in
      model.script(Self.answers(6))
      model.behaviour = .hold
      let foreach: JSONObject = ["foreach": ["@inputs.text", "{{inputs.text}}!"], "concurrency": 1]
      let id = try await stack.submit(body(foreach, params: ["source": "@item", "chunk_tokens": 400]))
      try await model.waitForCalls(10)
      let process = try stack.processID(of: "worker-1")
      _ = try await recordedOfItems(6, id, stack)
      try stack.signal(SIGKILL, to: "worker-1")
      model.behaviour = .answer(text: "A part.")
      try await stack.waitForSuccessor(of: "worker-1", after: process)
      let status = try await stack.end(of: id)
      let items = status.at("result", "outputs", "llm", "items")?.arrayValue ?? []
      let parts = items.compactMap { $0.objectValue?["parts"]?.numberValue?.int }
      #expect(parts.count == 2)
      #expect(model.calls.count == parts.reduce(0) { $0 + $1 + 1 } + 4)
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  private func recordedOfItems(_ count: Int, _ id: String, _ stack: Stack) async throws -> Bool {
    try await wait("\(count) recorded parts of items") {
      let names = try await stack.command("HKEYS", stack.key("outputs", id)).array ?? []
      return names.compactMap(\.string).count { $0.hasPrefix("item:llm:0:") } >= count ? true : nil
    }
  }

  @Test func `The context of a model says how long a call may be`() async throws {
    try await withModelChain { chain, path in
      let file = chain.file().replacing(#""model":"m1""#, with: #""model":"m1","context_tokens":1500"#)
      try write(file, to: path)
      let settings = ["WF_MODELS_FILE": path].merging(ModelChain.keys) { $1 }
      try await Stack.with(.init(settings: settings)) { stack in
        let status = try await stack.run(body(params: ["model": "first"]))
        #expect((status.at("result", "outputs", "llm", "parts")?.numberValue?.int ?? 0) > 3)
        let whole = try await stack.run(body(params: ["model": "second"]))
        #expect(whole["status"] == "finished" && whole.at("result", "outputs", "llm", "parts") == nil)
        #expect(chain.second.calls.count == 1)
      }
    }
  }
}
