import Curl
import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// What reading runs costs, and that it keeps nobody else waiting.
@Suite struct ReadingTests {
  /// A workflow with copies of a text in its outputs, and a model call after them.
  private static func workflow(copies: Int, of length: Int) -> JSONValue {
    let copies = (0..<copies).map { number -> JSONValue in
      ["id": .string("pre\(number)"), "op": "preprocess", "params": ["field": "text"]]
    }
    let call: JSONValue = [
      "id": "llm", "op": "llm_summarize",
      "needs": .array((0..<copies.count).map { .string("pre\($0)") }), "params": ["source": "short"],
    ]
    return [
      "run_name": "large", "inputs": ["text": .string(String(repeating: "x", count: length))],
      "steps": .array(copies + [call]),
    ]
  }

  /// The bytes that Redis sends meanwhile.
  private func bytesOut(_ stack: Stack, _ body: () async throws -> Void) async throws -> Int {
    func total() async throws -> Int {
      let info = try await stack.command("INFO", "stats").string ?? ""
      let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_net_output_bytes:") } ?? ""
      return Int(line.drop { $0 != ":" }.dropFirst()) ?? 0
    }
    let before = try await total()
    try await body()
    return try await total() - before
  }

  @Test func `what a client has already is not read again`() async throws {
    let model = try ModelServer()
    defer { model.close() }
    // Entries that repeat their outputs, so that the log is large.
    let settings = ["WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LEASE_S": "600"]
    try await Stack.with(.init(settings: settings)) { stack in
      model.behaviour = .hold
      let id = try await stack.submit(Self.workflow(copies: 100, of: 40_000))
      try await model.waitForCalls(1)
      let whole = try await stack.status(id)
      let count = try #require(whole["progress"]?.arrayValue?.count)
      let since = try await bytesOut(stack) {
        let rest = try await stack.send("GET", "/status/\(id)?since=\(count - 1)").json
        #expect(rest["progress"]?.arrayValue == (whole["progress"]?.arrayValue?.suffix(1)).map { Array($0) })
        #expect(rest["steps"] == whole["steps"])
        #expect(try await stack.send("GET", "/status/\(id)?since=9999").json["steps"] == whole["steps"])
      }
      #expect(since < 500_000)
      let tag = try #require(try await stack.send("GET", "/status/\(id)").header("ETag"))
      try await expectCheapMatch(stack, id, tag)
      model.release()
      _ = try await stack.end(of: id)
      let finished = try await stack.send("GET", "/status/\(id)?wait=60")
      #expect(finished.header("ETag") != tag && finished.body.count > 4_000_000)
      try await expectCheapMatch(stack, id, try #require(finished.header("ETag")))
    }
  }

  private func expectCheapMatch(_ stack: Stack, _ id: String, _ tag: String) async throws {
    let bytes = try await bytesOut(stack) {
      let match = try await stack.send("GET", "/status/\(id)", headers: [("If-None-Match", "\"x\",\t\(tag)")])
      #expect(match.status == 304 && match.header("ETag") == tag)
      #expect(match.header("Cache-Control") == "no-store")
    }
    #expect(bytes < 100_000)
  }

  @Test(.timeLimit(.minutes(5)))
  func `many that read large runs at once keep nobody else waiting, and take a bounded memory`() async throws {
    let settings = ["WF_MAX_RUN_BYTES": "64MiB", "WF_LEASE_S": "600"]
    try await Stack.with(.init(settings: settings)) { stack in
      let id = try await stack.submit(Self.workflow(copies: 30, of: 1_000_000))
      let size = try await stack.end(of: id, within: .seconds(120)).isEmpty ? 0 : 30_000_000
      let readers = Task {
        try await concurrently(Array(0..<100), width: 100) { _ in
          let response = try await stack.send("GET", "/status/\(id)")
          if response.status == 503 { #expect(response.header("Retry-After") == "1") }
          return (response.status, response.body.count)
        }
      }
      var longest = Duration.zero
      let isOver = Flag()
      let watch = Task {
        _ = await readers.result
        isOver.set()
      }
      while !isOver.isSet {
        let start = ContinuousClock.now
        #expect(try await stack.post(Examples.example.bytes).status == 202)
        #expect(try await stack.send("GET", "/status/health").status == 200)
        longest = max(longest, .now - start)
      }
      await watch.value
      let answers = try await readers.value
      #expect(answers.contains { $0.0 == 200 && $0.1 > size })
      #expect(answers.allSatisfy { $0.0 == 200 || $0.0 == 503 })
      #expect(longest < .seconds(2))
      let most = try stack.peakMemory(of: "api")
      print("100 readers of 30 MB: longest wait \(longest), peak \(most) kB, \(answers.count { $0.0 == 200 }) answered")
      #expect(most < 300_000)
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `clients that wait and hang up, or wait in great number, leave connections for others`() async throws {
    let model = try ModelServer()
    defer { model.close() }
    let settings = [
      "WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LEASE_S": "600", "WF_API_CONNECTIONS": "256",
    ]
    try await Stack.with(.init(settings: settings)) { stack in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      let host = "Host: 127.0.0.1\r\n\r\n"
      for _ in 0..<10 {
        let gone = try (0..<300).map { _ in try RawClient(stack.url, "GET /status/\(id)?wait=60 HTTP/1.1\r\n\(host)") }
        for client in gone { client.hangUp() }
        #expect(try await stack.send("GET", "/status/health").status == 200)
      }
      try await nobodyWaits(stack, id)
      // Three quarters of the connections, and one more.
      let waiting = try (0..<193).map { _ in try RawClient(stack.url, "GET /status/\(id)?wait=60 HTTP/1.1\r\n\(host)") }
      let refusal = try await wait("an answer to the one too many") { waiting.compactMap(\.received).first }
      #expect(refusal.hasPrefix("HTTP/1.1 503 ") && refusal.contains("Retry-After: 1\r\n"))
      #expect(try await stack.send("GET", "/status/\(id)/events").status == 503)
      #expect(try await stack.send("GET", "/status/\(id)?wait=60").status == 503)
      #expect(try await stack.send("GET", "/status/\(id)").status == 200)
      #expect(try await stack.post(Examples.example.bytes).status == 202)
      for client in waiting { client.hangUp() }
      try await nobodyWaits(stack, id)
      async let waited = stack.send("GET", "/status/\(id)?wait=60")
      model.release()
      #expect(try await waited.json["status"] == "finished")
    }
  }

  private func nobodyWaits(_ stack: Stack, _ id: String) async throws {
    _ = try await wait("the end of all waiting", within: .seconds(20)) {
      let subscribers = try await stack.command("PUBSUB", "NUMSUB", stack.key("events", id)).array?.last?.int
      return subscribers == 0 ? true : nil
    }
  }
}
