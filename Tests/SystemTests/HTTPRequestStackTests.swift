import Curl
import ExactJSON
import Glibc
import ModelServer
import SystemHarness
import Testing
import WorkflowStore

/// `http_request` in runs: a server on a real socket, and a stack that may reach it.
@Suite struct HTTPRequestStackTests {
  /// A stack that may reach a server of the test's own.
  private func withServer(
    settings: [String: String] = [:], _ body: @escaping @Sendable (Stack, ModelServer) async throws -> Void
  ) async throws {
    let server = try ModelServer()
    defer { server.close() }
    let own = [
      "WF_HTTP_ALLOW": "127.0.0.1:\(server.port), localhost:\(server.port)", "WF_HTTP_ALLOW_PRIVATE": "127.0.0.1",
    ]
    try await Stack.with(.init(settings: own.merging(settings) { $1 })) { try await body($0, server) }
  }

  private func http(_ params: JSONObject, inputs: JSONObject = [:], _ fields: JSONObject = [:]) -> JSONValue {
    var step: JSONObject = ["id": "call", "op": "http_request", "params": .object(params)]
    for member in fields.members { step[member.key] = member.value }
    return ["run_name": "http", "inputs": .object(inputs), "steps": [.object(step)]]
  }

  @Test func `A step posts JSON, and another one uses what the server answers`() async throws {
    try await withServer { stack, server in
      server.script([
        .status(200, headers: [("Content-Type", "application/json")], body: #"{"items":[{"name":"fjord"}],"n":1.50}"#)
      ])
      let body: JSONValue = [
        "run_name": "http", "inputs": ["base": .string("http://127.0.0.1:\(server.port)"), "token": "secret"],
        "steps": [
          [
            "id": "call", "op": "http_request",
            "params": [
              "url": "{{inputs.base}}/v1", "method": "POST", "body": ["q": "@inputs.token"],
              "headers": ["Authorization": "Bearer {{inputs.token}}"],
            ],
          ],
          [
            "id": "join", "op": "combine",
            "params": ["parts": ["@call.status", "@call.json.items[0].name", "@call.json.n"], "separator": " "],
          ],
        ],
      ]
      let status = try await stack.run(body)
      #expect(status.at("result", "outputs", "join", "text") == "200 fjord 1.50")
      let call = try #require(server.calls.first)
      let id = try #require(status["job_id"]?.stringValue)
      #expect(call.headers["idempotency-key"] == "\(id)/call" && call.headers["authorization"] == "Bearer secret")
      #expect(call.headers["user-agent"]?.hasPrefix("wf/") == true && call.body == ["q": "secret"])
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A proxy of the environment is for model calls alone`() async throws {
    let proxy = try ModelServer()
    defer { proxy.close() }
    let settings = ["WF_PROXY_ENV": "1", "http_proxy": "http://127.0.0.1:\(proxy.port)"]
    try await withServer(settings: settings) { stack, server in
      server.behaviour = .status(200, body: "direct")
      let status = try await stack.run(http(["url": .string("http://127.0.0.1:\(server.port)/")]))
      #expect(status.at("result", "outputs", "call", "body") == "direct")
    }
    #expect(proxy.calls.isEmpty)
  }

  @Test func `A failure has its code, and neither status nor log has a secret`() async throws {
    try await withServer { stack, server in
      for (status, code) in [(401, "provider_rejected"), (429, "rate_limited"), (503, "provider_unavailable")] {
        server.script([.status(status, headers: [("X-Echo", "secret")], body: "secret")])
        let url = "http://127.0.0.1:\(server.port)/secret?key=secret"
        let failed = try await stack.run(http(["url": .string(url), "headers": ["X-Key": "secret"]]))
        #expect(failed["error_code"]?.stringValue == code)
        #expect(failed["error"]?.stringValue == "step call: http://127.0.0.1:\(server.port) answered \(status)")
        #expect(!JSONValue.object(failed).text.contains("secret"))
      }
      let log = try stack.log(of: "worker-1")
      #expect(log.contains("a request of a step failed") && log.contains("provider_unavailable"))
      #expect(!log.contains("secret"))
    }
  }

  @Test func `What is not allowed is refused at submission where it is known, and otherwise fails the step`()
    async throws
  {
    try await withServer { stack, server in
      let url = "http://127.0.0.1:\(server.port == 81 ? 82 : 81)/?key=secret"
      let refused = try await stack.post(http(["url": .string(url)]).bytes)
      #expect(refused.status == 422)
      #expect(String(decoding: refused.body, as: UTF8.self).contains("is not allowed (WF_HTTP_ALLOW)"))
      let failed = try await stack.run(http(["url": "@inputs.url"], inputs: ["url": .string(url)]))
      #expect(failed["error_code"] == "operation_failed")
      #expect(failed["error"]?.stringValue?.hasSuffix(" is not allowed (WF_HTTP_ALLOW)") == true)
      #expect(failed["error"]?.stringValue?.contains("secret") == false)
      #expect(server.calls.isEmpty)
    }
  }

  @Test func `A name whose address is private is refused when it is resolved, also behind a redirect`() async throws {
    try await withServer(settings: ["WF_HTTP_ALLOW_PRIVATE": "127.0.0.1"]) { stack, server in
      server.script([.status(302, headers: [("Location", "http://localhost:\(server.port)/x")]), .status(200)])
      let url = "http://127.0.0.1:\(server.port)/"
      let status = try await stack.run(http(["url": .string(url)]))
      #expect(status["status"] == "finished")
      #expect(server.calls.count == 2)
    }
    let server = try ModelServer()
    defer { server.close() }
    try await Stack.with(.init(settings: ["WF_HTTP_ALLOW": "localhost:\(server.port)"])) { stack in
      let url = "http://localhost:\(server.port)"
      let failed = try await stack.run(http(["url": .string(url)]))
      #expect(failed["error_code"] == "operation_failed")
      #expect(
        failed["error"]?.stringValue
          == "step call: \(url) has an address that is not public (WF_HTTP_ALLOW_PRIVATE)")
    }
    #expect(server.calls.isEmpty)
  }

  @Test func `Without the setting every request is refused, and no process loads libcurl`() async throws {
    let stack = try await SharedStack.get()
    let refused = try await stack.post(http(["url": "https://api.example.com/"]).bytes)
    #expect(refused.status == 422)
    #expect(String(decoding: refused.body, as: UTF8.self).contains("the operator allows no host (WF_HTTP_ALLOW)"))
    let failed = try await stack.run(http(["url": "@inputs.url"], inputs: ["url": "https://api.example.com/"]))
    #expect(failed["error"]?.stringValue?.hasSuffix("the operator allows no host (WF_HTTP_ALLOW)") == true)
    for part in ["api", "worker-1", "worker-2"] {
      let maps = try Stack.read("/proc/\(try stack.processID(of: part))/maps")
      #expect(!String(decoding: maps, as: UTF8.self).contains("libcurl"))
    }
  }

  @Test func `A response that is too large, and a server that is too slow, fail the step`() async throws {
    try await withServer(settings: ["WF_MAX_OUTPUT_BYTES": "64KiB", "WF_HTTP_TIMEOUT_S": "0.3"]) { stack, server in
      let url = JSONValue.string("http://127.0.0.1:\(server.port)/")
      server.script([.bytes(Array(repeating: 0x61, count: 70_000)), .hold])
      let large = try await stack.run(http(["url": url]))
      #expect(large["error_code"] == "output_too_large")
      #expect(large["error"]?.stringValue?.hasSuffix("larger than 65536 bytes (WF_MAX_OUTPUT_BYTES)") == true)
      let slow = try await stack.run(http(["url": url]))
      #expect(slow["error_code"] == "timeout")
      try await server.waitForDisconnect()
    }
  }

  @Test func `A step whose worker dies is sent again with the same key`() async throws {
    try await withServer(settings: ["WF_LEASE_S": "1"]) { stack, server in
      server.script([.hold, .status(200, body: "second")])
      let url = JSONValue.string("http://127.0.0.1:\(server.port)/")
      let id = try await stack.submit(http(["url": url, "method": "POST", "body": "once"]))
      try await server.waitForCalls(1)
      try stack.signal(SIGKILL, to: "worker-1")
      let status = try await stack.end(of: id)
      #expect(status.at("result", "outputs", "call", "body") == "second")
      #expect(server.calls.map { $0.headers["idempotency-key"] } == ["\(id)/call", "\(id)/call"])
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `timeout_s aborts the transfer`() async throws {
    try await withServer { stack, server in
      server.behaviour = .hold
      let url = JSONValue.string("http://127.0.0.1:\(server.port)/")
      let failed = try await stack.run(http(["url": url], ["timeout_s": .number(JSONNumber(text: "0.3")!)]))
      #expect(failed["error_code"] == "timeout")
      #expect(failed["error"]?.stringValue?.contains("timeout_s") == true)
      try await server.waitForDisconnect()
    }
  }
}
