import Curl
import ExactJSON
import Testing
import Workflow
import WorkflowOperations

/// What is refused when a run is submitted, and when a step starts.
@Suite struct HTTPParametersTests {
  private let operation = SendHTTPRequest(
    access: HTTPAccess(hosts: ["api.example.com", "*.example.org:8443"].compactMap(HTTPHostPattern.init)))

  private func message(_ params: JSONObject) -> String? {
    operation.parameters.faults(in: params, at: []).first?.message
  }

  @Test func `A request that may be sent has no faults`() {
    for params in [
      ["url": "https://api.example.com/a"], ["url": "@inputs.url", "headers": "@a.b", "expect": "@a.b"],
      ["url": "https://{{inputs.host}}/"], ["url": "https://a.example.org:8443", "expect": [200, "4xx", "@a.b"]],
      ["url": "https://api.example.com", "headers": ["A": "@a.b", "B": "Bearer {{a.b}}"], "query": ["q": "@a.b"]],
      ["url": "https://api.example.com", "method": "HEAD", "body": nil, "expect": ["@a.b"]],
    ] as [JSONObject] { #expect(operation.faults(params) == []) }
  }

  @Test(arguments: [
    ("https://other.example/x?key=secret", "https://other.example is not allowed (WF_HTTP_ALLOW)"),
    ("https://api.example.com:8443/", "https://api.example.com:8443 is not allowed (WF_HTTP_ALLOW)"),
    ("http://127.1/", "http://127.0.0.1 is not allowed (WF_HTTP_ALLOW)"),
    ("https://u:secret@api.example.com/", "it has a user or a password; they belong in an Authorization header"),
    ("ftp://api.example.com/", "its scheme must be http or https"), ("", "it is empty"),
    ("/path", "it must start with http:// or https://"),
  ])
  func `A URL that may not be requested is refused with the reason`(url: String, reason: String) {
    #expect(message(["url": .string(url)]) == "Value error, \(reason)")
  }

  @Test func `Where nothing is allowed, the refusal names the setting`() async throws {
    let off = SendHTTPRequest()
    let sentence = "http_request is off: the operator allows no host (WF_HTTP_ALLOW)"
    #expect(
      off.parameters.faults(in: ["url": "https://a.example/"], at: []).first?.message == "Value error, \(sentence)")
    let params: JSONObject = ["url": "https://a.example/?key=secret"]
    #expect(throws: StepFailure(.operationFailed, "url: Value error, \(sentence)")) {
      try off.parameters.check(resolved: params)
    }
    let invocation = Invocation(job: "j", step: "s", params: params, inputs: [:])
    #expect(await stepFailure { try await off.run(invocation) }?.message == "url: \(sentence)")
  }

  @Test func `What a step starts with is not repeated when it is refused`() {
    for params in [
      ["url": "https://other.example/?key=secret"], ["url": "https://api.example.com", "headers": ["A": "secret\n"]],
      ["url": "https://u:secret@api.example.com"],
    ] as [JSONObject] {
      let failure = #expect(throws: StepFailure.self) { try operation.parameters.check(resolved: params) }
      #expect(failure?.message.contains("secret") == false)
    }
  }

  @Test(
    arguments: [
      (["Host": "a"], #""Host" is set by the client or belongs to a connection"#),
      (["content-length": "1"], #""content-length" is set by the client or belongs to a connection"#),
      (["Transfer-Encoding": "chunked"], #""Transfer-Encoding" is set by the client or belongs to a connection"#),
      (["Proxy-Authorization": "x"], #""Proxy-Authorization" is set by the client or belongs to a connection"#),
      (["A": "b\r\nC: d"], #"the value of "A" has a line break or another control character"#),
      (["A": 1], #"the value of "A" must be a string; "{{step.output}}" makes one of any value"#),
      (["A b": "c"], #""A b" is no name of a header"#), (["": "c"], #""" is no name of a header"#),
      (["A": "b", "a": "c"], #""a" is there twice"#),
      (["A": .string(String(repeating: "x", count: 40_000))], "there can be 100 headers of 32768 bytes together"),
    ] as [(JSONObject, String)])
  func `A header that cannot be sent is refused`(headers: JSONObject, reason: String) {
    #expect(
      message(["url": "https://api.example.com", "headers": .object(headers)]) == "Value error, \(reason)")
  }

  @Test(arguments: [[], [99], [600], ["6xx"], ["2x"], ["404"], [nil], [["x"]], [200, "x"]] as [[JSONValue]])
  func `What is no status is refused`(expect: [JSONValue]) {
    #expect(operation.faults(["url": "@a.b", "expect": .array(expect)]) == ["expect: value_error"])
  }

  @Test func `A crowd is refused by its number`() {
    let many = 1...101
    let expect = JSONValue.array(many.map { _ in "2xx" })
    let headers = JSONObject(many.map { ("A\($0)", "") })
    #expect(operation.faults(["url": "@a.b", "expect": expect]) == ["expect: value_error"])
    #expect(operation.faults(["url": "@a.b", "headers": .object(headers)]) == ["headers: value_error"])
  }

  @Test func `The other parameters have their types`() {
    #expect(operation.faults([:]) == ["url: missing"])
    #expect(
      operation.faults([
        "url": 1, "method": "get", "headers": [], "query": "a", "expect": 200, "max_bytes": 0, "timeout": 1,
      ]) == [
        "url: string_type", "method: literal_error", "headers: dict_type", "query: dict_type", "expect: list_type",
        "max_bytes: value_error", "timeout: extra_forbidden",
      ])
    #expect(operation.faults(["url": "@a.b", "query": ["q": ["a": 1]]]) == ["query: value_error"])
    #expect(operation.faults(["url": "@a.b", "method": "HEAD", "body": "x"]) == ["body: value_error"])
    #expect(
      operation.faults(["url": .string("https://api.example.com/" + String(repeating: "x", count: 9_000))]) == [
        "url: string_too_long"
      ])
  }
}
