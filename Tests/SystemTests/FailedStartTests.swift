import Curl
import ExactJSON
import ModelServer
import SystemHarness
import Testing

/// Steps that end without a call of their operation: what metrics and traces say of them.
@Suite struct FailedStartTests {
  /// A run of a step that cannot start, and what its span says.
  private struct Example: Sendable {
    let step: JSONObject
    let code: String
    var item: JSONValue?

    var op: String { step["op"]?.stringValue ?? "" }
  }

  private static let examples = [
    Example(
      step: ["id": "bad", "op": "combine", "params": ["parts": ["@pre.nothing"]]], code: "reference_missing"),
    Example(
      step: ["id": "bad", "op": "combine", "params": ["parts": ["{{pre.nothing}}"]]], code: "reference_missing"),
    Example(
      step: ["id": "bad", "op": "split_text", "params": ["text": "@inputs.list", "max_chars": 10]],
      code: "operation_failed"),
    Example(
      step: ["id": "bad", "op": "split_text", "when": ["lt": ["@inputs.list", 1]], "params": ["text": "a"]],
      code: "operation_failed"),
    Example(
      step: ["id": "bad", "op": "combine", "foreach": "@pre.clean_text", "params": ["parts": ["a"]]],
      code: "operation_failed"),
    Example(
      step: ["id": "bad", "op": "combine", "foreach": ["a"], "params": ["parts": ["@item.x"]]],
      code: "reference_missing", item: "0"),
  ]

  /// The run: its step needs one that succeeds; another one is skipped, and one cannot start after the failure.
  private func body(_ example: Example) -> JSONValue {
    var bad = example.step
    bad["needs"] = ["pre", "skipped"]
    return [
      "run_name": "r", "inputs": ["text": "a", "list": [1]],
      "steps": [
        ["id": "pre", "op": "preprocess"],
        ["id": "skipped", "op": "http_request", "when": ["eq": [1, 2]], "params": ["url": "http://example.org/"]],
        .object(bad), ["id": "blocked", "op": "store_result", "needs": ["bad"], "params": ["data": "a"]],
      ],
    ]
  }

  /// The figures of steps and attempts, by the rest of their lines.
  private func figures(_ stack: Stack) async throws -> [String: String] {
    let text = String(decoding: try await stack.send("GET", "/status/metrics").body, as: UTF8.self)
    let lines = text.split(separator: "\n").filter {
      $0.hasPrefix("wf_steps_total") || $0.hasPrefix("wf_step_attempts_total")
        || $0.hasPrefix("wf_step_attempt_seconds_count")
    }
    return Dictionary(
      lines.map { line in
        let words = line.split(separator: " ")
        return (String(words[0]), String(words[1]))
      }, uniquingKeysWith: { $1 })
  }

  @Test func `A step that cannot start is a failed attempt in metrics and traces; one that is skipped is none`()
    async throws
  {
    let collector = try Collector()
    defer { collector.server.close() }
    let settings = collector.settings.merging(["WF_HTTP_ALLOW": "example.org"]) { $1 }
    try await Stack.with(.init(settings: settings)) { stack in
      var jobs: [String] = []
      for example in Self.examples {
        let status = try await stack.run(body(example))
        #expect(status["error_code"]?.stringValue == example.code, "\(status)")
        #expect(status["steps"]?.objectValue?["bad"]?.objectValue?["attempts"] == 1, "\(status)")
        jobs.append(status["job_id"]?.stringValue ?? "")
      }
      let spans = try await wait("two spans of steps and one of the run of each") { () -> [Collector.Span]? in
        let found = collector.spans.filter { $0.service == "wf-worker" }
        return found.count == 3 * jobs.count ? found : nil
      }
      for (job, example) in zip(jobs, Self.examples) {
        try check(spans.filter { $0.attribute("wf.job.id")?.stringValue == job }, example)
      }
      if let verdicts = try await collector.verdicts() { #expect(verdicts.count >= spans.count) }
      try await checkFigures(stack)
    }
  }

  private func check(_ spans: [Collector.Span], _ example: Example) throws {
    let span = try #require(spans.first { $0.attribute("wf.step.id") == "bad" }, "\(example)")
    let run = try #require(spans.first { $0.name == "run" })
    #expect(Set(spans.map(\.name)) == ["run", "step preprocess", "step \(example.op)"])
    #expect(span.parent == run.id)
    #expect(span.attribute("error.type")?.stringValue == example.code)
    #expect(span.attribute("wf.step.attempt") == "1")
    #expect(span.attribute("wf.step.item") == example.item)
    let status = span.json["status"]?.objectValue
    #expect(status?["code"] == 2 && status?["message"]?.stringValue?.isEmpty == false)
    #expect(run.attribute("error.type")?.stringValue == example.code)
  }

  private func checkFigures(_ stack: Stack) async throws {
    let expected = [
      #"wf_steps_total{outcome="failed",op="combine"}"#: "4", #"wf_steps_total{outcome="failed",op="split_text"}"#: "2",
      #"wf_steps_total{outcome="skipped",op="http_request"}"#: "6",
      #"wf_steps_total{outcome="done",op="preprocess"}"#: "6",
      #"wf_step_attempts_total{code="reference_missing",op="combine"}"#: "3",
      #"wf_step_attempts_total{code="operation_failed",op="combine"}"#: "1",
      #"wf_step_attempts_total{code="operation_failed",op="split_text"}"#: "2",
      #"wf_step_attempts_total{code="ok",op="preprocess"}"#: "6",
      #"wf_step_attempt_seconds_count{op="combine"}"#: "4", #"wf_step_attempt_seconds_count{op="split_text"}"#: "2",
      #"wf_step_attempt_seconds_count{op="preprocess"}"#: "6",
    ]
    let found = try await wait("the worker's figures") { () -> [String: String]? in
      let all = try await figures(stack)
      return all[#"wf_steps_total{outcome="failed",op="split_text"}"#] == "2" ? all : nil
    }
    #expect(found.filter { $0.value != "0" } == expected)
  }
}
