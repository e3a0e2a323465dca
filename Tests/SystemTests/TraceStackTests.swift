import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// Traces through the real stack: from a submission to the services that the run calls, and to a collector.
@Suite struct TraceStackTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let traceparent = "00-\(trace)-00f067aa0ba902b7-01"

  private func body(_ server: ModelServer) -> JSONValue {
    [
      "run_name": "traced", "inputs": ["text": "x"],
      "callback_url": .string("http://127.0.0.1:\(server.port)/hook"),
      "steps": [
        ["id": "pre", "op": "preprocess"], ["id": "llm", "op": "llm_summarize"],
        [
          "id": "call", "op": "http_request", "needs": ["llm"],
          "params": ["url": .string("http://127.0.0.1:\(server.port)/call?key=secret")],
        ],
      ],
    ]
  }

  private func settings(_ server: ModelServer) -> [String: String] {
    CallbackReceiver.settings.merging([
      "WF_HTTP_ALLOW": "127.0.0.1:\(server.port)", "WF_HTTP_ALLOW_PRIVATE": "127.0.0.1",
    ]) { $1 }
  }

  private func submit(
    _ body: JSONValue, to stack: Stack, _ headers: [HTTPHeader]
  ) async throws -> String {
    let response = try await stack.send(
      "POST", "/workflow/run", headers: [("Content-Type", "application/json")] + headers, body: body.bytes)
    return try #require(try response.json["job_id"]?.stringValue)
  }

  /// Runs a body against a stack with a model, and a server for everything else.
  private func withServers(
    _ more: [String: String] = [:], _ body: @escaping @Sendable (Stack, ModelServer, ModelServer) async throws -> Void
  ) async throws {
    let server = try ModelServer()
    defer { server.close() }
    server.behaviour = .status(200)
    try await Stack.withModel(settings: settings(server).merging(more) { $1 }) { try await body($0, $1, server) }
  }

  @Test func `The spans of a run are one tree below that of its client, and its requests name theirs`() async throws {
    let collector = try Collector()
    defer { collector.server.close() }
    try await withServers(collector.settings) { stack, model, server in
      let id = try await submit(
        body(server), to: stack, [("traceparent", Self.traceparent), ("tracestate", "vendor=1")])
      #expect(try await stack.end(of: id)["status"] == "finished")
      let names = [
        "POST /workflow/run", "run", "step preprocess", "step llm_summarize", "chat m", "step http_request", "GET",
        "POST",
      ]
      let spans = try await collector.wait(for: names)
      #expect(Set(spans.map(\.trace)) == [Self.trace] && spans.count == names.count)
      func span(_ name: String) throws -> Collector.Span { try #require(spans.first { $0.name == name }) }
      let run = try span("run")
      #expect(try span("POST /workflow/run").parent == "00f067aa0ba902b7")
      #expect(try run.parent == span("POST /workflow/run").id)
      for name in ["step preprocess", "step llm_summarize", "step http_request"] {
        #expect(try span(name).parent == run.id)
      }
      #expect(try span("chat m").parent == span("step llm_summarize").id)
      #expect(try span("GET").parent == span("step http_request").id)
      #expect(try span("POST").parent == run.id)
      #expect(try span("POST").json["kind"] == 3)
      #expect(try span("POST /workflow/run").service == "wf-api" && run.service == "wf-worker")
      let headers = (model.calls + server.calls).map { $0.headers["traceparent"] }
      let expected = try ["chat m", "GET", "POST"].map { "00-\(Self.trace)-\(try span($0).id)-01" }
      #expect(Set(headers) == Set(expected))
      #expect((model.calls + server.calls).allSatisfy { $0.headers["tracestate"] == "vendor=1" })
      #expect(try span("GET").attribute("url.full") == .string("http://127.0.0.1:\(server.port)/call"))
      #expect(try span("chat m").attribute("gen_ai.operation.name") == "chat")
      #expect(try span("chat m").attribute("gen_ai.request.model") == "m")
      #expect(try span("chat m").attribute("gen_ai.usage.output_tokens") != nil)
      #expect(run.attribute("wf.job.id") == .string(id))
      if let verdicts = try await collector.verdicts() { #expect(verdicts.count == spans.count) }
    }
  }

  @Test func `Without a collector both headers are passed on as they came`() async throws {
    try await withServers { stack, model, server in
      let id = try await submit(
        body(server), to: stack, [("traceparent", Self.traceparent), ("tracestate", "vendor=1")])
      _ = try await stack.end(of: id)
      try await server.waitForCalls(2)
      let calls = model.calls + server.calls
      #expect(calls.count == 3 && calls.allSatisfy { $0.headers["traceparent"] == Self.traceparent })
      #expect(calls.allSatisfy { $0.headers["tracestate"] == "vendor=1" })
      let plain = try await submit(body(server), to: stack, [("traceparent", "00-\(Self.trace)-00f067aa0ba902b7-1")])
      _ = try await stack.end(of: plain)
      try await server.waitForCalls(4)
      #expect((model.calls + server.calls).dropFirst(0).count { $0.headers["traceparent"] == nil } == 3)
      #expect(try await stack.command("HGET", stack.key("job", plain), "trace").string == nil)
    }
  }

  @Test func `A trace that is not sampled has no spans, and one begins where a client names none`() async throws {
    let collector = try Collector()
    defer { collector.server.close() }
    try await withServers(collector.settings) { stack, model, server in
      let silent = try await submit(
        body(server), to: stack, [("traceparent", Self.traceparent.dropLast(2) + "00")])
      _ = try await stack.end(of: silent)
      #expect(model.calls.first?.headers["traceparent"]?.hasPrefix("00-\(Self.trace)-") == true)
      #expect(model.calls.first?.headers["traceparent"]?.hasSuffix("-00") == true)
      let id = try await submit(body(server), to: stack, [])
      _ = try await stack.end(of: id)
      let spans = try await collector.wait(for: ["POST /workflow/run", "run", "POST"])
      #expect(Set(spans.map(\.trace)).count == 1 && spans.allSatisfy { $0.trace != Self.trace })
      #expect(spans.first { $0.name == "POST /workflow/run" }?.parent == nil)
    }
  }

  @Test func `A run that is cancelled or reaches its time limit has its span, which says so`() async throws {
    let collector = try Collector()
    defer { collector.server.close() }
    try await withServers(collector.settings) { stack, model, server in
      model.behaviour = .hold
      var late = body(server).objectValue ?? [:]
      late["timeout_s"] = 1
      let ids = [
        try await submit(body(server), to: stack, [("traceparent", Self.traceparent)]),
        try await submit(.object(late), to: stack, [("traceparent", Self.traceparent)]),
      ]
      try await model.waitForCalls(2)
      #expect(try await stack.send("POST", "/workflow/\(ids[0])/cancel", headers: []).status == 200)
      #expect(try await stack.end(of: ids[1])["error_code"] == "timeout")
      let runs = try await SystemHarness.wait("two spans of runs") {
        let found = collector.spans.filter { $0.name == "run" }
        return found.count == 2 ? found : nil
      }
      let types = Dictionary(
        runs.map { ($0.attribute("wf.job.id")?.stringValue ?? "", $0.attribute("error.type")) },
        uniquingKeysWith: { $1 })
      #expect(types == [ids[0]: "cancelled", ids[1]: "timeout"])
    }
  }

  @Test func `A trace is no part of what an idempotency key compares`() async throws {
    let collector = try Collector()
    defer { collector.server.close() }
    try await Stack.with(.init(settings: collector.settings)) { stack in
      let body: JSONValue = ["run_name": "r", "steps": [["id": "pre", "op": "preprocess"]]]
      let key = (name: "Idempotency-Key", value: "k")
      let first = try await submit(body, to: stack, [key])
      #expect(try await submit(body, to: stack, [key, ("traceparent", Self.traceparent)]) == first)
    }
  }

  @Test func `A worker that takes a run up after a crash continues its trace, with the same span of the run`()
    async throws
  {
    let collector = try Collector()
    defer { collector.server.close() }
    try await withServers(collector.settings) { stack, model, server in
      model.script([.hold])
      let id = try await submit(body(server), to: stack, [("traceparent", Self.traceparent)])
      try await model.waitForCalls(1)
      try stack.signal(SIGKILL, to: "worker-1")
      #expect(try await stack.end(of: id)["status"] == "finished")
      let spans = try await collector.wait(for: ["run", "chat m", "POST"])
      #expect(spans.count { $0.name == "run" } == 1)
      let sent = model.calls.compactMap { $0.headers["traceparent"] }
      // The attempt that the crash has cut off is made again, under the same id.
      #expect(sent.count == 2 && Set(sent).count == 1)
    }
  }

  @Test func `A run of the inbox has a trace with its own id`() async throws {
    let collector = try Collector()
    defer { collector.server.close() }
    try await Stack.with(.init(settings: collector.settings)) { stack in
      let id = "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2"
      let entry = #"{"job_id":"\#(id)","body":{"run_name":"r","steps":[{"id":"pre","op":"preprocess"}]}}"#
      _ = try await stack.command("RPUSH", "wf:inbox", entry)
      let spans = try await collector.wait(for: ["run", "step preprocess"])
      #expect(Set(spans.map(\.trace)) == [id.filter { $0 != "-" }])
      #expect(spans.first { $0.name == "run" }?.parent == nil)
    }
  }

  @Test func `A collector that is away holds up no run and no stop`() async throws {
    let away = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "WF_LOG_FORMAT": "json"]
    try await Stack.with(.init(settings: away)) { stack in
      let body: JSONValue = ["run_name": "r", "steps": [["id": "pre", "op": "preprocess"]]]
      #expect(try await stack.run(body)["status"] == "finished")
      let process = try stack.processID(of: "worker-1")
      try stack.signal(SIGTERM, to: "worker-1")
      try await stack.waitForSuccessor(of: "worker-1", after: process)
      let lines = try await wait("a line on the dropped spans") {
        let lines = try stack.log(of: "worker-1").split(separator: "\n")
        return lines.contains { $0.contains("dropped") } ? lines : nil
      }
      for line in lines {
        let object = try #require(try JSONValue(parsing: String(line)).objectValue)
        #expect(object["level"]?.stringValue != nil && object["logger"] == "wf-worker")
        let time = try #require(object["ts"]?.stringValue)
        #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) != nil)
      }
    }
  }

  @Test func `Lines about a failed model name run, request and trace`() async throws {
    let settings = ["WF_LOG_FORMAT": "json", "WF_LLM_FALLBACK": "fail", "WF_LLM_COOLDOWN_S": "0"]
    try await Stack.withModel(settings: settings) { stack, model in
      model.behaviour = .status(500, body: "down")
      let step: JSONValue = [
        "id": "s", "op": "llm_chat", "params": ["prompt": "x"], "retry": ["delay_s": 0, "max_attempts": 2],
      ]
      let body: JSONValue = ["run_name": "r", "steps": [step]]
      let id = try await submit(body, to: stack, [("traceparent", Self.traceparent)])
      _ = try await stack.end(of: id)
      for words in ["a model call failed", "the model failed, and with it the step", "run failed"] {
        let line = try await wait("the line \(words)") {
          try stack.log(of: "worker-1").split(separator: "\n").first { $0.contains(words) }
        }
        let object = try #require(try JSONValue(parsing: String(line)).objectValue)
        #expect(object["job"] == .string(id) && object["trace_id"] == .string(Self.trace), "\(words)")
        #expect(object["request"]?.stringValue?.isEmpty == false && object["span_id"] != nil, "\(words)")
      }
    }
  }

  @Test func `Lines of a run name its trace`() async throws {
    try await Stack.with(.init(settings: ["WF_LOG_FORMAT": "json"])) { stack in
      let body: JSONValue = [
        "run_name": "r", "steps": [["id": "c", "op": "combine", "params": ["parts": "@inputs.text"]]],
        "inputs": ["text": "x"],
      ]
      let id = try await submit(body, to: stack, [("traceparent", Self.traceparent)])
      _ = try await stack.end(of: id)
      let line = try await wait("the line of the failure") {
        try stack.log(of: "worker-1").split(separator: "\n").first { $0.contains("run failed") }
      }
      let object = try #require(try JSONValue(parsing: String(line)).objectValue)
      #expect(object["job"] == .string(id) && object["trace_id"] == .string(Self.trace))
      #expect(object["message"] == "run failed" && object["span_id"] == "00f067aa0ba902b7")
    }
  }
}
