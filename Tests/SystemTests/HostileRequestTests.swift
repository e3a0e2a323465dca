import Curl
import ExactJSON
import Glibc
import SystemHarness
import Testing

/// What one request may cost the API, from outside: CPU of its process, bytes of its answer.
@Suite struct HostileRequestTests {
  /// Seconds of CPU that an answer may take. Without optimization the same code takes several times as long.
  private static var allowed: Double {
    #if DEBUG
      1
    #else
      0.1
    #endif
  }

  /// Seconds of CPU that a process has used (proc(5), fields 14 and 15).
  private func cpuTime(of process: Int32) throws -> Double {
    let text = String(decoding: try Stack.read("/proc/\(process)/stat"), as: UTF8.self)
    let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
      throw StackFailure("stat: \(text)")
    }
    return Double(user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  @Test func `what one request costs is bounded, whatever its texts`() async throws {
    try await Stack.with { stack in
      try await postMarks(stack)
      try await sendMarksInHeadersAndPaths(stack)
      try await postManyFaults(stack)
    }
  }

  private static func marks(_ bytes: Int) -> String { String(repeating: "\u{301}\u{316}", count: bytes / 4) }

  private func postMarks(_ stack: Stack) async throws {
    let marks = HostileRequestTests.marks((1 << 20) - 200)
    let api = try stack.processID(of: "api")
    for place in [
      #""id":"a","op":"M""#, #""id":"M","op":"preprocess""#, #""id":"a","op":"preprocess","needs":["M"]"#,
      #""id":"a","op":"preprocess","M":1"#, #""id":"a","op":"preprocess","params":{"M":1}"#,
      #""id":"a","op":"store_result","params":{"data":"@M"}"#,
    ] {
      let parts = place.split(separator: "M", omittingEmptySubsequences: false)
      let body = #"{"run_name":"r","steps":[{"# + parts[0] + marks + parts[1] + "}]}"
      let before = try cpuTime(of: api)
      let response = try await stack.post(body)
      #expect(response.status == 422, "\(place)")
      #expect(response.body.count < 16_384)
      #expect(try cpuTime(of: api) - before < HostileRequestTests.allowed, "\(place)")
    }
  }

  private func sendMarksInHeadersAndPaths(_ stack: Stack) async throws {
    let marks = HostileRequestTests.marks(7_000)
    let api = try stack.processID(of: "api")
    let before = try cpuTime(of: api)
    for name in ["Content-Type", "Content-Encoding", "Idempotency-Key", "Sec-Fetch-Site", "Host", "Last-Event-ID"] {
      let headers = name == "Content-Type" ? [] : [(name: "Content-Type", value: "application/json")]
      let response = try await stack.send(
        "POST", "/workflow/run", headers: headers + [(name, marks)], body: Examples.example.bytes)
      #expect([202, 400, 415, 421, 422].contains(response.status), "\(name): \(response.status)")
    }
    let id = try await stack.submit(Examples.example)
    let headers: [HTTPHeader] = [("If-None-Match", "a, " + marks)]
    #expect(try await stack.send("GET", "/status/\(id)", headers: headers).status == 200)
    #expect(try await stack.send("GET", "/status/\(id)/events", headers: [("Last-Event-ID", marks)]).status == 422)
    let escaped = marks.utf8.prefix(2_000).map { "%" + String($0, radix: 16) }.joined()
    for path in ["/status/\(escaped)", "/status/\(id)?wait=\(escaped)", "/workflow/\(escaped)"] {
      #expect(try await stack.send("GET", path).status >= 400)
    }
    #expect(try cpuTime(of: api) - before < HostileRequestTests.allowed)
  }

  private func postManyFaults(_ stack: Stack) async throws {
    let api = try stack.processID(of: "api")
    let long = String(repeating: "k", count: 400_000)
    let faulty = (0..<1_000).map { _ in "\"@\"" }.joined(separator: ",")
    let step = #"{"id":"a","op":"store_result","params":{"data":{""# + long + #"":["# + faulty + "]}}}"
    let response = try await stack.post(#"{"run_name":"r","steps":["# + step + "]}")
    #expect(response.status == 422)
    #expect(response.body.count <= 64 << 10)
    let last = try response.json["detail"]?.arrayValue?.last?.objectValue?["msg"]?.stringValue
    #expect(last?.hasPrefix("and ") == true && last?.hasSuffix(" more faults") == true)
    let status = String(decoding: try Stack.read("/proc/\(api)/status"), as: UTF8.self)
    let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }.flatMap { Int($0.filter(\.isNumber)) }
    #expect(try #require(peak) < 128 << 10)
  }
}
