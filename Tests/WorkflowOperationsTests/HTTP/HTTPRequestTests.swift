import Curl
import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowOperations

/// `http_request` against a server on a real socket.
@Suite(.timeLimit(.minutes(5))) struct HTTPRequestTests {
  private let allowed: AllowedServer
  private var server: ModelServer { allowed.server }

  init() throws { allowed = try AllowedServer() }

  @Test func `A text is returned with its status and headers`() async throws {
    server.behaviour = .status(
      200, headers: [("X-One", "1"), ("x-one", "2"), ("Content-Type", "text/plain")], body: "hällo")
    let outputs = try await allowed.outputs("/a?b=c")
    #expect(
      outputs == [
        "status": 200, "body": "hällo",
        "headers": ["x-one": "1, 2", "content-type": "text/plain", "content-length": "6"],
      ])
    let call = try #require(server.calls.first)
    #expect(call.method == "GET" && call.path == "/a?b=c" && call.raw.isEmpty)
    #expect(call.headers["idempotency-key"] == "job/step" && call.headers["user-agent"] == "wf/test")
    #expect(call.headers["content-type"] == nil)
  }

  @Test(arguments: [
    ("application/json", #"{"n":1.50,"a":[ ]}"#, #"{"n":1.50,"a":[]}"#), ("Application/JSON; charset=utf-8", "7", "7"),
    ("application/problem+json", "null", "null"), ("text/plain", "7", nil), ("application/json", "{", nil),
    ("application/json", "", nil), ("application/jsonx", "7", nil),
  ])
  func `JSON is read where the content type says so, and stays exact`(type: String, body: String, json: String?)
    async throws
  {
    server.behaviour = .status(200, headers: [("Content-Type", type)], body: body)
    let outputs = try await allowed.outputs()
    #expect(outputs["body"] == .string(body))
    #expect(outputs["json"]?.text == json)
  }

  @Test func `What is not UTF-8 is Base64`() async throws {
    for (bytes, text) in [
      ([0xff], "/w=="), ([0xff, 0xfe], "//4="), ([0xff, 0, 1], "/wAB"), ([0xff, 0, 1, 62], "/wABPg=="),
    ]
      as [([UInt8], String)]
    {
      server.behaviour = .bytes(bytes, headers: [("Content-Type", "application/json")])
      let outputs = try await allowed.outputs()
      #expect(outputs["body_base64"] == .string(text))
      #expect(outputs.keys == ["status", "headers", "body_base64"])
    }
  }

  @Test func `A string is sent as it is, any other value as JSON, null not at all`() async throws {
    server.behaviour = .status(201)
    for (body, raw, type) in [
      ("plain", "plain", nil), (["b": [1, nil]], #"{"b":[1,null]}"#, "application/json"), (nil, "", nil),
      (false, "false", "application/json"),
    ] as [(JSONValue, String, String?)] {
      #expect(try await allowed.outputs("/", ["method": "POST", "body": body])["status"] == 201)
      let call = try #require(server.calls.last)
      #expect(String(decoding: call.raw, as: UTF8.self) == raw)
      #expect(call.headers["content-type"] == type && call.headers["content-length"] == "\(raw.utf8.count)")
    }
  }

  @Test func `Headers and query are the step's`() async throws {
    server.behaviour = .status(200)
    _ = try await allowed.outputs(
      "/a?z=1#part",
      [
        "method": "PUT", "body": ["a": 1],
        "headers": [
          "content-TYPE": "application/x", "Idempotency-Key": "own", "X-Empty": "", "Authorization": "Bearer t",
        ],
        "query": ["q": "a b&c=ä", "n": 1.5.json, "list": ["x", true], "none": nil],
      ])
    let call = try #require(server.calls.first)
    #expect(call.method == "PUT" && call.path == "/a?z=1&q=a%20b%26c%3D%C3%A4&n=1.5&list=x&list=true")
    #expect(call.headers["content-type"] == "application/x" && call.headers["idempotency-key"] == "own")
    #expect(call.headers["authorization"] == "Bearer t" && call.headers["x-empty"] == "")
  }

  @Test(arguments: [
    (400, "provider_rejected"), (404, "provider_rejected"), (304, "provider_rejected"), (408, "timeout"),
    (429, "rate_limited"), (500, "provider_unavailable"), (503, "provider_unavailable"),
  ])
  func `A status that is not 2xx fails the step, unless it is expected`(status: Int, code: String) async throws {
    server.behaviour = .status(status, body: "why")
    let failure = await stepFailure { try await allowed.outputs("/secret?key=secret") }
    #expect(failure == StepFailureText(code: code, message: "\(allowed.url) answered \(status)"))
    let one = JSONValue.number(JSONNumber(status))
    for expected in [[one], ["2xx", .string("\(status / 100)xx")]] as [[JSONValue]] {
      let outputs = try await allowed.outputs("/", ["expect": .array(expected)])
      #expect(outputs["status"] == one)
    }
  }

  @Test func `A status that the step does not expect fails it, also one of 2xx`() async throws {
    server.behaviour = .status(202)
    let failure = await stepFailure { try await allowed.outputs("/", ["expect": [200, "4xx"]]) }
    #expect(failure?.code == "provider_rejected")
  }

  @Test func `No connection and a broken one are the provider's, and the log has the reason`() async throws {
    for behaviour in [ModelServer.Behaviour.hangUp, .garbage, .dieInTheMiddle] {
      server.behaviour = behaviour
      let failure = await stepFailure { try await allowed.outputs("/secret") }
      #expect(failure == .init(code: "provider_unavailable", message: "the connection to \(allowed.url) broke off"))
    }
    server.close()
    let failure = await stepFailure { try await allowed.outputs("/secret", ["headers": ["X-Key": "secret"]]) }
    #expect(failure == .init(code: "provider_unavailable", message: "there is no connection to \(allowed.url)"))
    #expect(allowed.log.lines.count == 4)
    #expect(allowed.log.lines.last?.hasPrefix("job step provider_unavailable: there is no connection") == true)
    #expect(!allowed.log.lines.joined().contains("secret"))
  }

  @Test func `A failure says whether it may pass, and how long the server asks to wait`() async throws {
    server.script([
      .status(429, headers: [("Retry-After", "7")]), .status(503), .status(408), .status(400), .hangUp,
      .bytes(Array(repeating: 0x61, count: 10)),
    ])
    // libcurl would send a GET again on a fresh connection.
    for _ in 1...6 {
      _ = await stepFailure { try await allowed.outputs("/", ["method": "POST", "max_bytes": 5]) }
    }
    #expect(allowed.log.failures.map(\.isTransient) == [true, true, true, false, true, false])
    #expect(allowed.log.failures.map(\.retryAfter) == [.seconds(7), nil, nil, nil, nil, nil])
  }

  @Test func `A response is no larger than the step or the operator allows`() async throws {
    server.behaviour = .bytes(Array(repeating: 0x61, count: 2_000))
    #expect(try await allowed.outputs("/", ["max_bytes": 2_000])["body"]?.stringValue?.utf8.count == 2_000)
    let own = await stepFailure { try await allowed.outputs("/", ["max_bytes": 1_999]) }
    let sentence = "the response of \(allowed.url) is larger than 1999 bytes"
    #expect(own == .init(code: "output_too_large", message: "\(sentence) (max_bytes)"))
    let params: JSONObject = ["url": .string(allowed.url), "max_bytes": 3_000]
    let limit = ByteLimit(1_999, setting: "WF_TEST")
    let operators = await stepFailure {
      try await allowed.operation.run(Invocation(job: "j", step: "s", params: params, inputs: [:], outputLimit: limit))
    }
    #expect(operators == .init(code: "output_too_large", message: "\(sentence) (WF_TEST)"))
  }

  @Test func `A decompressed response counts, and headers have a limit too`() async throws {
    server.behaviour = .status(200, headers: [("X-Large", String(repeating: "x", count: 300_000))])
    #expect(await stepFailure { try await allowed.outputs() } != nil)
  }

  @Test func `A server that is silent fails the step in time, and the transfer is aborted`() async throws {
    let slow = try AllowedServer(timeout: .milliseconds(300))
    slow.server.behaviour = .hold
    let failure = await stepFailure { try await slow.outputs() }
    #expect(
      failure
        == .init(
          code: "timeout", message: "\(slow.url) did not answer completely within 0.3 s (WF_HTTP_TIMEOUT_S)"))
    try await slow.server.waitForDisconnect()
  }

  @Test func `Cancelling the step aborts the transfer`() async throws {
    server.behaviour = .hold
    let task = Task { [allowed] in try await allowed.outputs() }
    try await server.waitForCalls(1)
    task.cancel()
    await #expect(throws: StepError.cancelled) { try await task.value }
    try await server.waitForDisconnect()
    #expect(allowed.log.lines.isEmpty)
  }

  @Test func `HEAD has no body`() async throws {
    server.behaviour = .status(200, headers: [("X-A", "b")])
    let outputs = try await allowed.outputs("/", ["method": "HEAD"])
    #expect(outputs["body"] == "" && outputs["headers"]?.objectValue?["x-a"] == "b")
  }

  @Test func `It waits for others, so it is not immediate`() { #expect(!allowed.operation.isImmediate) }
}

extension Double {
  /// The number as JSON.
  fileprivate var json: JSONValue { JSONNumber(text: "\(self)").map { .number($0) } ?? .null }
}
