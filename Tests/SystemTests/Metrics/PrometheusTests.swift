import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// Prometheus reads what the stack shows; its tools find nothing wrong with the figures, the rules and the dashboard.
@Suite(.enabled(if: Prometheus.programs != nil, "make test unpacks Prometheus"), .timeLimit(.minutes(3)))
struct PrometheusTests {
  @Test func `promtool finds no fault with the rules, and they fire on what they are for`() async throws {
    let check = try await Prometheus.tool(["check", "rules", "wf-alerts.yml"])
    #expect(check.isGood, "\(check.text)")
    let test = try await Prometheus.tool(["test", "rules", "wf-alerts-tests.yml"])
    #expect(test.isGood, "\(test.text)")
  }

  /// Runs that finish, fall back, and fail.
  private func use(_ stack: Stack, _ model: ModelServer) async throws {
    let summary: JSONValue = [
      "id": "llm", "op": "llm_summarize", "params": ["source": "x"], "retry": ["max_attempts": 1],
    ]
    _ = try await stack.run([
      "run_name": "a", "inputs": ["text": "a"], "steps": [["id": "p", "op": "preprocess"], summary],
    ])
    model.script([.status(400, body: "no")])
    let fallen = try await stack.run(["run_name": "b", "steps": [summary]])
    #expect(fallen["degraded"] == true)
    let failed = try await stack.run([
      "run_name": "c", "inputs": ["text": [1]],
      "steps": [["id": "s", "op": "split_text", "params": ["text": "@inputs.text", "max_chars": 10]]],
    ])
    #expect(failed["status"] == "failed")
    _ = try await stack.command("HINCRBY", stack.prefixes[0] + "repairs", "runs_without_lease", "1")
  }

  /// A stack with a model that has a price.
  private func withPricedModel(
    _ body: @escaping @Sendable (Stack, ModelServer) async throws -> Void
  ) async throws {
    try await withFolder { folder in
      let model = try ModelServer()
      defer { model.close() }
      let file =
        #"{"models":[{"name":"m","base_url":"\#(model.baseURL)","model":"m","prices":{"input":1,"output":2}}]}"#
      try write(file, to: "\(folder)/models.json")
      try await Stack.with(.init(settings: ["WF_MODELS_FILE": "\(folder)/models.json"])) { try await body($0, model) }
    }
  }

  @Test func `promtool finds no fault with the figures, in both formats`() async throws {
    try await withPricedModel { stack, model in
      try await use(stack, model)
      let text = try await stack.send("GET", "/status/metrics")
      #expect(text.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
      let check = try await Prometheus.tool(["check", "metrics"], input: text.body)
      #expect(check.isGood && check.text.isEmpty, "\(check.text)")
    }
  }

  @Test func `Prometheus has each series that dashboard and rules name, and takes each expression`() async throws {
    try await withPricedModel { stack, model in
      try await Prometheus.with(stack) { prometheus in
        try await use(stack, model)
        let dashboard = try JSONValue(parsing: Stack.read("\(Prometheus.files)/wf-dashboard.json"))
        let expressions = self.expressions(dashboard)
        #expect(expressions.count > 30)
        let rules = String(decoding: try Stack.read("\(Prometheus.files)/wf-alerts.yml"), as: UTF8.self)
        let text = (expressions + [rules]).joined(separator: "\n")
        let names = Set(text.matches(of: #/\bwf_[a-z_]+/#).map { String($0.0) })
        var missing = names
        _ = try await wait("all series") {
          let known = try await prometheus.data("/api/v1/label/__name__/values").arrayValue ?? []
          missing = names.subtracting(known.compactMap(\.stringValue))
          return missing.isEmpty ? true : nil
        }
        for expression in expressions { _ = try await prometheus.query(expression) }
        try await self.checkTarget(prometheus)
        try await self.checkRules(prometheus)
      }
    }
  }

  /// The expressions of a dashboard's panels, with its variables set.
  private func expressions(_ dashboard: JSONValue) -> [String] {
    let panels = (dashboard.objectValue?["panels"]?.arrayValue ?? []).compactMap(\.objectValue)
    let targets = panels.flatMap { $0["targets"]?.arrayValue ?? [] }.compactMap(\.objectValue)
    return targets.compactMap { $0["expr"]?.stringValue }.map {
      $0.replacing("$job", with: "wf").replacing("$__rate_interval", with: "1m")
    }
  }

  private func checkTarget(_ prometheus: Prometheus) async throws {
    let targets = try await prometheus.data("/api/v1/targets").objectValue?["activeTargets"]?.arrayValue ?? []
    #expect(targets.count == 1)
    #expect(targets.first?.objectValue?["health"] == "up", "\(targets)")
  }

  /// Every rule can be evaluated; that of the placeholder fires, as soon as two scrapes have seen it grow.
  private func checkRules(_ prometheus: Prometheus) async throws {
    let rules = try await wait("the evaluation of all rules") { () -> [JSONObject]? in
      let groups = try await prometheus.data("/api/v1/rules").objectValue?["groups"]?.arrayValue ?? []
      let rules = groups.compactMap(\.objectValue).flatMap { $0["rules"]?.arrayValue ?? [] }.compactMap(\.objectValue)
      return !rules.isEmpty && rules.allSatisfy { $0["health"] != "unknown" } ? rules : nil
    }
    for rule in rules { #expect(rule["health"] == "ok", "\(rule)") }
    #expect(try await prometheus.query("wf_redis_up").count == 1)
  }

  @Test func `Sums survive the end of API and worker, and a worker that is killed loses seconds at most`() async throws
  {
    try await withPricedModel { stack, model in
      func figure(_ start: String) async throws -> Double? {
        let text = String(decoding: try await stack.send("GET", "/status/metrics").body, as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix(start) }
        return line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }
      }
      try await use(stack, model)
      let attempts = #"wf_step_attempts_total{code="ok",op="preprocess"}"#
      let before = try await wait("the worker's figures") { try await figure(attempts) }
      #expect(before == 1)
      for part in ["worker-1", "api"] {
        let process = try stack.processID(of: part)
        try stack.signal(SIGKILL, to: part)
        _ = try await wait("\(part) to be back") { try? stack.processID(of: part) != process ? true : nil }
      }
      _ = try await wait("the API") { try await stack.send("GET", "/status/health").status == 200 ? true : nil }
      #expect(try await figure(attempts) == 1)
      #expect(try await figure(#"wf_runs_ended_total{outcome="finished"}"#) == 2)
      _ = try await stack.run(["run_name": "a", "inputs": ["text": "a"], "steps": [["id": "p", "op": "preprocess"]]])
      _ = try await wait("the new worker's figures") { try await figure(attempts) == 2 ? true : nil }
    }
  }
}
