import Curl
import ExactJSON
import SystemHarness
import Testing

/// What is wrong is said at once, in FastAPI's shape; nothing is half written, and the next request works.
@Suite struct BadInputTests {
  /// A body, with the `type` and `loc` of each fault that it should bring.
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let body: String
    let faults: [String]
  }

  private static let cycle =
    #"{"run_name":"x","steps":[{"id":"a","op":"preprocess","needs":["b"]},"#
    + #"{"id":"b","op":"preprocess","needs":["a"]}]}"#

  static let cases: [Case] = [
    .init(testDescription: "empty", body: "", faults: ["missing body"]),
    .init(testDescription: "not JSON", body: "{nope", faults: ["json_invalid body.1"]),
    .init(testDescription: "an array", body: "[]", faults: ["model_attributes_type body"]),
    .init(testDescription: "nothing in it", body: "{}", faults: ["missing body.run_name", "missing body.steps"]),
    .init(
      testDescription: "wrong types at every level",
      body: #"{"run_name":1,"inputs":[],"steps":[7,{"id":2,"op":3,"needs":"a","params":4}]}"#,
      faults: [
        "string_type body.run_name", "dict_type body.inputs", "dict_type body.steps.0", "string_type body.steps.1.id",
        "string_type body.steps.1.op", "list_type body.steps.1.needs", "dict_type body.steps.1.params",
      ]),
    .init(
      testDescription: "unknown op, field and param",
      body: #"{"run_name":"x","extra":1,"steps":[{"id":"a","op":"nope","need":[]},"#
        + #"{"id":"b","op":"preprocess","params":{"fild":"t"}}]}"#,
      faults: [
        "extra_forbidden body.extra", "extra_forbidden body.steps.0.need", "literal_error body.steps.0.op",
        "extra_forbidden body.steps.1.params.fild",
      ]),
    .init(
      testDescription: "ids",
      body: #"{"run_name":"x","steps":[{"id":"a","op":"preprocess"},{"id":"a","op":"preprocess"},"#
        + #"{"id":"-b","op":"preprocess"},{"id":"inputs","op":"preprocess"}]}"#,
      faults: [
        "string_pattern_mismatch body.steps.2.id", "value_error body.steps.3.id", "value_error body.steps.1.id",
      ]),
    .init(
      testDescription: "a cycle",
      body: cycle,
      faults: ["value_error body.steps.0.needs"]),
    .init(
      testDescription: "a self-loop",
      body: #"{"run_name":"x","steps":[{"id":"a","op":"preprocess","needs":["a"]}]}"#,
      faults: ["value_error body.steps.0.needs"]),
    .init(
      testDescription: "an unknown need",
      body: #"{"run_name":"x","steps":[{"id":"a","op":"preprocess","needs":["z"]}]}"#,
      faults: ["value_error body.steps.0.needs.0"]),
    .init(
      testDescription: "a default that refers to no step",
      body: #"{"run_name":"x","steps":[{"id":"a","op":"llm_summarize"}]}"#,
      faults: ["value_error body.steps.0.params.source"]),
    .init(
      testDescription: "a reference to no step",
      body: #"{"run_name":"x","steps":[{"id":"a","op":"store_result","params":{"data":{"b":["@nope.x"]}}}]}"#,
      faults: ["value_error body.steps.0.params.data.b.0"]),
    .init(
      testDescription: "a malformed reference",
      body: #"{"run_name":"x","steps":[{"id":"a","op":"store_result","params":{"data":{"b":["@ no"]}}}]}"#,
      faults: ["value_error body.steps.0.params.data.b.0"]),
    .init(
      testDescription: "a malformed key in a reference",
      body: #"{"run_name":"x","steps":[{"id":"a","op":"store_result","params":{"data":"@inputs[\"a]"}}]}"#,
      faults: ["value_error body.steps.0.params.data"]),
    .init(
      testDescription: "braces of no step, and braces without a reference",
      body: #"{"run_name":"x","steps":[{"id":"a","op":"llm_summarize","params":{"source":"t","#
        + #""prompt":"{{nope.x}} as {{\"a\": 1}}, {{ 1 + 2 }}, {{}}, {{item.x}} or {{a"}}]}"#,
      faults: [
        "value_error body.steps.0.params.prompt", "value_error body.steps.0.params.prompt",
        "value_error body.steps.0.params.prompt", "value_error body.steps.0.params.prompt",
        "value_error body.steps.0.params.prompt", "value_error body.steps.0.params.prompt",
      ]),
    .init(
      testDescription: "split_text and combine",
      body: #"{"run_name":"x","steps":["#
        + #"{"id":"a","op":"split_text","params":{"max_chars":9,"max_tokens":9,"overlap":9}},"#
        + #"{"id":"b","op":"combine","params":{"parts":"{{a.chunks}}","skip_empty":"yes"}}]}"#,
      faults: [
        "missing body.steps.0.params.text", "value_error body.steps.0.params.max_tokens",
        "value_error body.steps.0.params.overlap", "value_error body.steps.0.params.overlap",
        "list_type body.steps.1.params.parts", "bool_type body.steps.1.params.skip_empty",
      ]),
    .init(testDescription: "no steps", body: #"{"run_name":"x","steps":[]}"#, faults: ["too_short body.steps"]),
    .init(
      testDescription: "a duplicate key", body: #"{"run_name":"x","run_name":"y","steps":[]}"#,
      faults: ["json_invalid body.16"]),
    .init(
      testDescription: "a lone surrogate", body: #"{"run_name":"\ud800","steps":[]}"#,
      faults: ["json_invalid body.13"]),
    .init(
      testDescription: "max_tokens out of range",
      body: #"{"run_name":"x","steps":[{"id":"a","op":"llm_summarize","params":{"source":"t","max_tokens":0}}]}"#,
      faults: ["value_error body.steps.0.params.max_tokens"]),
    .init(
      testDescription: "200 levels deep", body: #"{"run_name":"x","inputs":{"a":"# + String(repeating: "[", count: 200),
      faults: ["json_invalid"]),
    .init(
      testDescription: "1,001 steps",
      body: #"{"run_name":"x","steps":["#
        + (0...1_000).map { #"{"id":"s\#($0)","op":"preprocess"}"# }.joined(separator: ",") + "]}",
      faults: ["too_long body.steps"]),
  ]

  @Test(arguments: cases)
  func `a faulty body brings every fault at once`(_ example: Case) async throws {
    let stack = try await SharedStack.get()
    let response = try await stack.post(example.body)
    #expect(response.status == 422)
    let faults = try response.json["detail"]?.arrayValue?.compactMap(\.objectValue) ?? []
    let found = faults.map { fault in
      let place = fault["loc"]?.arrayValue?.map { $0.stringValue ?? $0.text }.joined(separator: ".") ?? ""
      return "\(fault["type"]?.stringValue ?? "?") \(place)"
    }
    #expect(found.count == example.faults.count)
    for (fault, wanted) in zip(found, example.faults) { #expect(fault.hasPrefix(wanted)) }
    #expect(faults.allSatisfy { $0["msg"]?.stringValue?.isEmpty == false && $0["input"] != nil })
    #expect(response.body.count < 4_096)
  }

  @Test func `a cycle names its path`() async throws {
    let stack = try await SharedStack.get()
    let response = try await stack.post(BadInputTests.cycle)
    #expect(String(decoding: response.body, as: UTF8.self).contains("a -> b -> a"))
  }

  @Test func `UTF-16, invalid UTF-8 and control characters are refused as JSON`() async throws {
    let stack = try await SharedStack.get()
    let utf16 = Array(Examples.example.text.utf16).flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
    let bodies: [[UInt8]] = [
      [0xff, 0xfe] + utf16, utf16, Array(#"{"run_name":""#.utf8) + [0xc3, 0x28] + Array(#"","steps":[]}"#.utf8),
      Array(#"{"run_name":"a"#.utf8) + [1] + Array(#"","steps":[]}"#.utf8),
    ]
    for body in bodies {
      let response = try await stack.post(body)
      #expect(response.status == 422)
      #expect(String(decoding: response.body, as: UTF8.self).contains("json_invalid"))
    }
  }

  @Test func `another content type is 415, and none or a JSON one is read`() async throws {
    let stack = try await SharedStack.get()
    let body = Examples.example.bytes
    for (type, status) in [
      ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/ld+json", 202),
      ("application/json; charset=utf-8", 202), ("APPLICATION/JSON", 202),
      ("application/json; charset=utf-16", 415),
    ] {
      let response = try await stack.send("POST", "/workflow/run", headers: [("Content-Type", type)], body: body)
      #expect(response.status == status, "\(type)")
    }
    let untyped: [HTTPHeader] = [("Content-Type", "")]
    #expect(try await stack.send("POST", "/workflow/run", headers: untyped, body: body).status == 202)
    for (header, value, status) in [
      ("Sec-Fetch-Site", "cross-site", 415), ("Sec-Fetch-Site", "same-origin", 202),
      ("Origin", "https://evil.example", 415), ("Origin", "null", 415),
      ("Origin", "http://127.0.0.1.evil.example", 415), ("Origin", stack.url, 202),
    ] {
      let headers = untyped + [(header, value)]
      #expect(try await stack.send("POST", "/workflow/run", headers: headers, body: body).status == status, "\(value)")
    }
  }

  @Test func `a form is told which header to send, and a coded body which coding is read`() async throws {
    let stack = try await SharedStack.get()
    let form = [(name: "Content-Type", value: "application/x-www-form-urlencoded")]
    let refused = try await stack.send("POST", "/workflow/run", headers: form, body: Examples.example.bytes)
    #expect(refused.status == 415)
    #expect(try refused.json["detail"]?.stringValue?.contains("send the header Content-Type: application/json") == true)
    for (coding, status) in [("gzip", 415), ("br, gzip", 415), ("Identity", 202), ("identity\u{301}", 415)] {
      let answer = try await stack.post(Examples.example.bytes, headers: [("Content-Encoding", coding)])
      #expect(answer.status == status, "\(coding)")
      #expect(answer.header("Accept-Encoding") == (status == 415 ? "identity" : nil))
      if status == 415 { #expect(try answer.json["detail"]?.stringValue?.contains(coding) == true) }
    }
  }

  @Test func `a path that is nearly right is answered with the right one`() async throws {
    let stack = try await SharedStack.get()
    for (path, status) in [("/workflow/run/", 404), ("/workflow", 415), ("/workflow/", 404)] {
      let answer = try await stack.send("POST", path, body: Examples.example.bytes)
      #expect(answer.status == status)
      #expect(try answer.json["detail"]?.stringValue?.contains("posted to /workflow/run") == true)
    }
    let status = try await stack.send("GET", "/status/a/b")
    #expect(try status.json["detail"]?.stringValue?.contains("/status/{id}/events") == true)
  }

  @Test func `while only this host is served, a request for another host is 421`() async throws {
    let stack = try await SharedStack.get()
    let page: [HTTPHeader] = [("Host", "evil.example"), ("Sec-Fetch-Site", "same-origin")]
    for (method, path) in [("GET", "/status/health"), ("GET", "/status?dead=1"), ("POST", "/workflow/run")] {
      let answer = try await stack.send(method, path, headers: page, body: Examples.example.bytes)
      #expect(answer.status == 421)
      #expect(try answer.json["detail"]?.stringValue != nil)
    }
    #expect(try await stack.send("GET", "/status/health", headers: [("Host", "LocalHost:1")]).status == 200)
  }

  @Test func `wrong methods are 405 with Allow, unknown paths 404`() async throws {
    let stack = try await SharedStack.get()
    let get = try await stack.send("GET", "/workflow/run")
    #expect(get.status == 405 && get.header("Allow") == "POST")
    let delete = try await stack.send("DELETE", "/status/\(String(repeating: "a", count: 36))")
    #expect(delete.status == 405 && delete.header("Allow") == "GET, HEAD")
    for path in ["/workflow/", "/workflow/run/", "/workflow/nope", "/statusx", "/status/a/b"] {
      let response = try await stack.send("GET", path)
      #expect(response.status == 404, "\(path)")
      #expect(try response.json["detail"]?.stringValue != nil)
    }
    #expect(try await stack.send("GET", "/status?limit=x").status == 422)
    #expect(try await stack.send("GET", "/status?dead=1&limit=0").status == 422)
    #expect(try await stack.send("GET", "/status?dead=1").json["runs"] == [])
  }

  @Test(arguments: [
    "nope", "00000000-0000-0000-0000-000000000000", "a%2Fb", "b7f935c2%2D6f95-4a8e-9c1a-3c9c7a21e5a2",
    String(repeating: "a", count: 4_000),
  ])
  func `an id that is none is a 404`(_ id: String) async throws {
    let stack = try await SharedStack.get()
    let response = try await stack.send("GET", "/status/\(id)")
    #expect(response.status == 404)
    #expect(try response.json["detail"]?.stringValue != nil)
  }

  @Test func `what nginx itself refuses has the same shape`() async throws {
    let stack = try await SharedStack.get()
    let large = try await stack.post(Array(repeating: UInt8(ascii: " "), count: 3 << 20))
    #expect(large.status == 413)
    #expect(try large.json["detail"]?.stringValue?.contains("2 MiB") == true)
    for (path, status) in [("/status/%00", 400), ("/status/%2e%2e%2felsewhere", 404), ("/elsewhere", 404)] {
      let response = try await stack.send("GET", path)
      #expect(response.status == status, "\(path)")
      #expect(try response.json["detail"]?.stringValue != nil)
    }
    for path in ["/", "/status/%2e%2e%2f"] {
      let response = try await stack.send("GET", path)
      #expect(response.status == 303 && response.header("Location") == "/status", "\(path)")
    }
    #expect(try await stack.post(Examples.example.bytes).status == 202)
  }

  @Test func `a body over the limit is 413, and the next request works`() async throws {
    let stack = try await SharedStack.get()
    let body = Examples.workflow(text: String(repeating: "x", count: 1_100_000)).bytes
    for body in [body, body + [UInt8](repeating: UInt8(ascii: " "), count: (2 << 20) - body.count)] {
      let response = try await stack.post(body)
      #expect(response.status == 413)
      #expect(try response.json["detail"]?.stringValue?.contains("WF_MAX_BODY_BYTES") == true)
    }
    #expect(try await stack.post(Examples.example.bytes).status == 202)
  }

  @Test(arguments: ["", String(repeating: "k", count: 256), "tab\there"])
  func `an unusable Idempotency-Key is refused`(_ key: String) async throws {
    let stack = try await SharedStack.get()
    let response = try await stack.post(Examples.example.bytes, headers: [("Idempotency-Key", key)])
    #expect(response.status == 422)
  }

  @Test func `two Idempotency-Keys are refused, as they come and joined`() async throws {
    let stack = try await SharedStack.get()
    for keys in [["a", "b"], ["a", "a"], ["a, b"]] {
      let response = try await stack.post(Examples.example.bytes, headers: keys.map { ("Idempotency-Key", $0) })
      #expect(response.status == 422)
      #expect(try response.json["detail"]?.arrayValue?.first?.objectValue?["loc"] == ["header", "idempotency-key"])
    }
  }
}
