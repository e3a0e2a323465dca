import AccessKeys
import Curl
import ExactJSON
import Glibc
import SystemHarness
import Testing

/// Keys of the API, over the real stack.
@Suite(.timeLimit(.minutes(3))) struct KeyTests {
  /// What a run that stays queued for an hour is submitted with.
  static let delayed: JSONValue = [
    "run_name": "delayed", "inputs": ["text": "a"], "delay_s": 3_600, "steps": [["id": "pre", "op": "preprocess"]],
  ]

  @Test func `A request needs a key that is in force, whatever it asks for`() async throws {
    try await KeyStack.with { keys in
      let cases: [(header: String?, challenge: String)] = [
        (nil, #"Bearer realm="wf""#), ("", #"Bearer realm="wf""#), ("Basic YTpi", #"Bearer realm="wf""#),
        ("key-alice", #"Bearer realm="wf""#), ("Bearer", #"Bearer realm="wf", error="invalid_token""#),
        ("Bearer key-nobody", #"Bearer realm="wf", error="invalid_token""#),
        ("Bearer key-alice-", #"Bearer realm="wf", error="invalid_token""#),
        ("Bearer key-alice, key-bob", #"Bearer realm="wf", error="invalid_token""#),
        ("Bearer \(KeyStack.keys[0].digestText)", #"Bearer realm="wf", error="invalid_token""#),
        ("Bearer \(String(repeating: "k", count: 4_000))", #"Bearer realm="wf", error="invalid_token""#),
      ]
      for (header, challenge) in cases {
        for path in ["/status/health", "/workflow/openapi.json", "/status/none", "/workflow/run"] {
          let headers = header.map { [(name: "Authorization", value: $0)] } ?? []
          let answer = try await keys.stack.send("GET", path, headers: headers)
          #expect(answer.status == 401, "\(header ?? "none") \(path)")
          #expect(answer.header("WWW-Authenticate") == challenge, "\(header ?? "none") \(path)")
          #expect(try answer.json["detail"]?.stringValue?.contains("key") == true)
        }
      }
      // The host that a request names does not matter.
      for header in ["Bearer key-alice", "bearer key-alice", "BEARER  key-alice "] {
        let headers = [(name: "Authorization", value: header), (name: "Host", value: "evil.example")]
        #expect(try await keys.stack.send("GET", "/status/health", headers: headers).status == 200, "\(header)")
      }
      #expect(try await keys.send("GET", "/status/x", key: "key-alice").status == 404)
      #expect(try await keys.send("GET", "/workflow/run", key: "key-alice").status == 405)
    }
  }

  @Test func `A key that may only read changes nothing`() async throws {
    try await KeyStack.with { keys in
      let run = try await keys.submit(key: "key-alice")
      for (method, path) in [
        ("POST", "/workflow/run"), ("PUT", "/workflow/schedules/s"), ("DELETE", "/workflow/schedules/s"),
      ] {
        let answer = try await keys.send(method, path, key: "key-alice-read", body: Examples.example)
        #expect(answer.status == 403, "\(method) \(path)")
        #expect(try answer.json["detail"]?.stringValue?.contains("its role is read") == true)
      }
      #expect(try await keys.send("GET", "/status/\(run)", key: "key-alice-read").status == 200)
      #expect(try await keys.send("HEAD", "/status/\(run)", key: "key-alice-read").status == 200)
    }
  }

  @Test func `A name that sends too many requests gets 429, and others do not`() async throws {
    try await KeyStack.with { keys in
      let limited = try await wait("a 429") { () -> HTTPResponse? in
        let answer = try await keys.send("GET", "/status/health", key: "key-slow")
        return answer.status == 429 ? answer : nil
      }
      #expect(limited.header("Retry-After") == "1")
      #expect(try limited.json["detail"] == "slow may send 1 requests a second (requests_s)")
      #expect(try await keys.send("GET", "/status/health", key: "key-alice").status == 200)
      _ = try await wait("the next request") {
        try await keys.send("GET", "/status/health", key: "key-slow").status == 200 ? true : nil
      }
    }
  }

  @Test func `A revoked key ends its stream and its waiting request, and no other's`() async throws {
    try await KeyStack.with { keys in
      let run = try await keys.submit(Self.delayed, key: "key-alice")
      var revoked = try await EventReader(keys.stack, run, headers: keys.authorization("key-alice"))
      var others = try await EventReader(keys.stack, run, headers: keys.authorization("key-ops"))
      _ = try await revoked.take { $0.status == "queued" }
      _ = try await others.take { $0.status == "queued" }
      async let waiting = keys.send("GET", "/status/\(run)?wait=60", key: "key-alice")
      // Until both wait: the one with the other key of the name goes on.
      async let reading = keys.send("GET", "/status/\(run)?wait=5", key: "key-alice-read")
      let digest = String(KeyStack.keys[0].digestText.prefix(10))
      let outcome = try await wf("keys", "revoke", "alice", digest, settings: ["WF_API_KEYS_FILE": keys.file])
      #expect(outcome.code == 0 && outcome.error == "revoked 1 key of alice\n")
      #expect(try await revoked.rest().allSatisfy { $0.status == nil })
      #expect(try await waiting.status == 401)
      #expect(try await keys.send("GET", "/status/health", key: "key-alice").status == 401)
      #expect(try await reading.status == 200)
      // The other one's stream is still there at the end of the run.
      _ = try await keys.stack.command("DEL", "wf:job:\(run)")
    }
  }

  @Test func `Keys that are added are in force within seconds`() async throws {
    try await KeyStack.with { keys in
      let outcome = try await wf(
        "keys", "add", "carol", "--role", "read", settings: ["WF_API_KEYS_FILE": keys.file])
      #expect(outcome.code == 0)
      let key = String(outcome.output.dropLast())
      #expect(key.wholeMatch(of: #/wf_[0-9a-f]{40}/#) != nil)
      #expect(!outcome.error.contains(key))
      let file = String(decoding: try Stack.read(keys.file), as: UTF8.self)
      #expect(file.contains("\ncarol ") && !file.contains(key))
      _ = try await wait("carol's key", within: .seconds(10)) {
        try await keys.send("GET", "/status/health", key: key).status == 200 ? true : nil
      }
    }
  }

  @Test(arguments: ["malformed", "half written", "empty", "gone", "a folder", "binary"])
  func `While the file cannot be used the last good keys stay, and health and log say so`(fault: String) async throws {
    try await KeyStack.with { keys in
      let good = KeyStack.text() + "eve \(AccessKey(name: "eve", secret: "key-eve").digestText)"
      switch fault {
      case "malformed": try KeyStack.write(good + " boss\n", to: keys.file)
      case "half written": try KeyStack.write(good, to: keys.file)
      case "empty": try KeyStack.write("", to: keys.file)
      case "gone": unlink(keys.file)
      case "a folder":
        unlink(keys.file)
        mkdir(keys.file, 0o700)
      default: try KeyStack.write("\u{0}\u{1}\u{2}\n\u{7f}\n", to: keys.file)
      }
      let warning = try await wait("a warning", within: .seconds(10)) {
        try await keys.warnings().first { $0.hasPrefix("WF_API_KEYS_FILE: \(keys.file): ") }
      }
      #expect(warning.hasSuffix("; the keys that were read last stay in force"))
      let log = try keys.stack.log(of: "api")
      #expect(log.contains(warning))
      #expect(try await keys.send("GET", "/status/health", key: "key-alice").status == 200)
      #expect(try await keys.send("GET", "/status/health", key: "key-eve").status == 401)
      if fault == "a folder" { rmdir(keys.file) }
      try KeyStack.write(good + "\n", to: keys.file)
      _ = try await wait("the corrected file", within: .seconds(10)) {
        try await keys.send("GET", "/status/health", key: "key-eve").status == 200 ? true : nil
      }
      #expect(try await keys.warnings() == [])
    }
  }

  @Test func `No key is in a log, and the log says who asked`() async throws {
    try await KeyStack.with(.init(settings: ["WF_LOG_LEVEL": "debug"])) { keys in
      _ = try await keys.submit(key: "key-alice")
      for key in ["key-nobody", "key-slow", "key-bob"] { _ = try await keys.send("GET", "/status/x", key: key) }
      _ = try await keys.send("GET", "/status/health?key=key-bob", key: nil)
      let log = try await wait("the log") { () -> String? in
        let log = try keys.stack.log(of: "api")
        return log.contains("/status/health") ? log : nil
      }
      #expect(log.contains("name=bob") && log.contains("role=user"))
      for part in ["api", "worker-1", "nginx", "redis"] {
        let log = try keys.stack.log(of: part)
        #expect(!log.contains("key-"), "\(part)")
      }
    }
  }
}
