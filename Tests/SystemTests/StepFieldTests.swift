import ExactJSON
import ModelServer
import SystemHarness
import Testing
import WorkflowStore

/// What steps may say besides their operation: which steps run then, and how the run ends.
@Suite struct StepFieldTests {
  /// A run and how it is to end: its status, then each step with its own.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let steps: String
    let end: String
    var failFast = true

    var testDescription: String { name }
    var body: String {
      #"{"run_name":"fields","inputs":{"text":"a b","lang":"en","n":3},"fail_fast":\#(failFast),"steps":[\#(steps)]}"#
    }
  }

  /// A step that fails: its parameter is no string.
  private static let failing = #"{"id":"bad","op":"llm_summarize","params":{"source":"@inputs.n"}"#
  private static func good(_ id: String, _ more: String = "") -> String {
    #"{"id":"\#(id)","op":"preprocess"\#(more)}"#
  }

  private static let cases = [
    Case(
      name: "a condition that holds", steps: good("a", #","when":{"eq":["@inputs.lang","en"]}"#), end: "finished a=done"
    ),
    Case(
      name: "a condition that does not hold",
      steps: good("a", #","when":{"eq":["@inputs.lang","de"]}"#) + "," + good("b", #","needs":["a"]"#)
        + #",{"id":"c","op":"store_result","params":{"namespace":"fields","data":["@a.clean_text","@b.clean_text"]}}"#,
      end: "finished a=skipped b=done c=done"),
    Case(
      name: "a condition on a skipped step",
      steps: good("a", #","when":{"not":{"exists":"@inputs"}}"#) + ","
        + good("b", #","when":{"exists":"@a.clean_text"}"#)
        + "," + good("c", #","when":{"empty":"@a.clean_text"}"#), end: "finished a=skipped b=skipped c=done"),
    Case(
      name: "an optional step that fails",
      steps: failing + #","optional":true},"# + good("b", #","needs":["bad"]"#), end: "finished bad=failed b=done"),
    Case(
      name: "what waits for a failure",
      steps: failing + "}," + good("clean", #","needs":[{"step":"bad","on":"failed"}]"#),
      end: "failed bad=failed clean=done"),
    Case(
      name: "what waits for a failure that does not come",
      steps: good("a") + "," + good("clean", #","needs":[{"step":"a","on":"failed"}]"#),
      end: "finished a=done clean=skipped"),
    Case(
      name: "what waits for any end, behind a step that could not start",
      steps: failing + "}," + good("b", #","needs":["bad"]"#) + ","
        + good("always", #","needs":[{"step":"b","on":"any"}]"#),
      end: "failed bad=failed b=pending always=done"),
    Case(
      name: "a run that fails fast", steps: failing + #"},{"id":"b","op":"preprocess","needs":["bad"]},"# + good("x"),
      end: "failed bad=failed b=pending x=pending"),
    Case(
      name: "a run that does not fail fast",
      steps: failing + #"},{"id":"b","op":"preprocess","needs":["bad"]},"# + good("x") + ","
        + good("y", #","needs":["x"]"#),
      end: "failed bad=failed b=pending x=done y=done", failFast: false),
  ]

  private func end(_ status: JSONObject) -> String {
    let steps = status["steps"]?.objectValue?.members ?? []
    let ends = steps.map { "\($0.key)=\($0.value.objectValue?["status"]?.stringValue ?? "")" }
    return ([status["status"]?.stringValue ?? ""] + ends).joined(separator: " ")
  }

  @Test(arguments: cases) func `A run ends as its steps say`(_ example: Case) async throws {
    let stack = try await SharedStack.get()
    let id = try await stack.submit(JSONValue(parsing: example.body))
    #expect(end(try await stack.end(of: id)) == example.end)
  }

  @Test func `A skipped step has no outputs in the result, and is said in the log`() async throws {
    let stack = try await SharedStack.get()
    let body = Self.cases[1].body
    let status = try await stack.run(JSONValue(parsing: body))
    #expect(status.at("result", "outputs")?.objectValue?.members.map(\.key) == ["b", "c"])
    #expect(status.at("result", "stores", "fields") == [[.null, "a b"]])
    #expect(status.messages.contains("step_skipped a"))
  }

  @Test func `An attempt that takes longer than it may is aborted`() async throws {
    try await Stack.withModel(settings: ["WF_LLM_FALLBACK": "fail"]) { stack, model in
      model.behaviour = .hold
      let steps =
        #"{"id":"a","op":"llm_summarize","params":{"source":"x"},"timeout_s":1.5,"optional":true,"#
        + #""retry":{"max_attempts":1}},"#
        + Self.good("b", #","needs":["a"]"#)
      let body = Case(name: "", steps: steps, end: "").body
      let status = try await stack.run(JSONValue(parsing: body))
      #expect(end(status) == "finished a=failed b=done")
      let failed = status["progress"]?.arrayValue?.compactMap(\.objectValue).first { $0["msg"] == "step_failed" }
      #expect(
        failed?["error_code"] == "timeout" && failed?["error"]?.stringValue?.contains("1.5 s (timeout_s)") == true)
      try await model.waitForDisconnect()
    }
  }

  // MARK: Deaths

  private static let points: [CommitPoint] = [
    .afterClaim, .beforeCall, .afterCall, .beforeRecord, .afterRecord, .beforeFinish, .afterFinish,
  ]

  @Test(arguments: points)
  func `A worker's death changes no outcome, and no step that has ended runs again`(_ point: CommitPoint) async throws {
    try await CommitPointTests.withTrap(at: point) { stack, model, trap in
      model.behaviour = .answer(text: "fine")
      let steps =
        Self.failing + #","optional":true},"# + Self.good("skipped", #","when":{"exists":"@bad.summary"}"#)
        + #",{"id":"llm","op":"llm_summarize","needs":["bad"],"params":{"source":"x"}},"#
        + Self.good("clean", #","needs":[{"step":"bad","on":"failed"},{"step":"llm","on":"any"}]"#)
      trap.arm()
      let id = try await stack.submit(JSONValue(parsing: Case(name: "", steps: steps, end: "").body))
      let status = try await stack.end(of: id)
      #expect(end(status) == "finished bad=failed skipped=skipped llm=done clean=done")
      for message in ["step_failed bad", "step_skipped skipped", "step_done llm", "step_done clean"] {
        #expect(status.messages.filter { $0 == message }.count == 1, "\(status.messages)")
      }
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }
}
