import Curl
import ExactJSON
import Glibc
import ModelServer
import SystemHarness
import Testing
import WorkflowStore

/// The ends of runs are reported to real receivers.
@Suite(.enabled(if: PythonInbox.folder != nil, "make test installs the library"), .timeLimit(.minutes(3)))
struct CallbackTests {
  @Test(arguments: [1, 4])
  func `The end of a run is reported once, signed as receivers verify it`(_ partitions: Int) async throws {
    try await CallbackReceiver.with(partitions: partitions) { receiver in
      let stack = receiver.stack
      let labels: JSONObject = ["labels": ["team": "é"]]
      var ids: [String] = []
      for fails in [false, true] {
        let id = try await stack.submit(receiver.body(labels, fails: fails))
        let status = try await stack.end(of: id)
        try await receiver.callback(id, is: "delivered")
        let call = try #require(receiver.calls.last)
        #expect(call.method == "POST" && call.path == "/hook" && call.headers["webhook-id"] == id)
        #expect(call.headers["content-type"] == "application/json")
        #expect(call.headers["user-agent"]?.hasPrefix("wf/") == true)
        let body = try #require(call.body?.objectValue)
        let data = try #require(body["data"]?.objectValue)
        #expect(body["type"]?.stringValue == (fails ? "run.failed" : "run.finished"))
        #expect(body["timestamp"]?.stringValue?.contains(/^20..-..-..T..:..:..\.\d{6}Z$/) == true)
        #expect(data["job_id"]?.stringValue == id && data["run_name"] == "reported" && data["labels"] == ["team": "é"])
        #expect(data["status"] == status["status"] && data["finished_ts"] == status["finished_ts"])
        #expect(data["status_url"]?.stringValue == "\(stack.url)/status/\(id)")
        #expect(data["error_code"] == status["error_code"] && data["error"] == status["error"])
        #expect((data["error"] != nil) == fails && body["outputs"] == nil)
        ids.append(id)
      }
      #expect(receiver.calls.count == 2)
      #expect(try await receiver.verdicts() == ["run.finished", "run.failed"])
      let others = try await receiver.verdicts(secret: "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
      #expect(others == Array(repeating: "refused: No matching signature found", count: 2))
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `A failed callback is sent again, the same with a new signature, until it is taken`() async throws {
    try await CallbackReceiver.with { receiver in
      receiver.server.script([
        .status(500), .status(302, headers: [("Location", "/elsewhere")]), .hangUp, .garbage,
        .status(429, headers: [("Retry-After", "3600")]), .status(200),
      ])
      let id = try await receiver.stack.submit(receiver.body())
      let origin = "http://127.0.0.1:\(receiver.server.port)"
      let reasons = [
        "\(origin) answered 500",
        "\(origin) answered 302: redirects are not followed; callback_url must be where it leads",
        "the connection to \(origin) broke off", "the connection to \(origin) broke off", "\(origin) answered 429",
      ]
      for (index, reason) in reasons.enumerated() {
        let found = try await receiver.callback(id, is: "waiting", after: index + 1)
        #expect(found["last_error"]?.stringValue == reason)
        let wait = (found["next_ts"]?.numberValue?.double ?? 0) - (found["last_ts"]?.numberValue?.double ?? 0)
        #expect(index == 4 ? wait > 3_590 : wait > 3)
        try await receiver.hasten(id)
      }
      let found = try await receiver.callback(id, is: "delivered")
      #expect(found["attempts"] == 6 && found["last_status"] == 200 && found["last_error"] == nil)
      #expect(Set(receiver.calls.map { $0.headers["webhook-id"] }) == [id])
      #expect(Set(receiver.calls.map(\.raw)).count == 1 && receiver.calls.allSatisfy { $0.path == "/hook" })
      #expect(receiver.calls.count == 6)
      #expect(try await receiver.verdicts() == Array(repeating: "run.finished", count: 6))
      #expect(try await Audit(receiver.stack).problems(of: [id]) == [])
    }
  }

  @Test func `What a receiver refuses for good is listed, and is sent again when asked for`() async throws {
    try await CallbackReceiver.with { receiver in
      let stack = receiver.stack
      receiver.server.script(Array(repeating: .status(410), count: 3))
      var ids: [String] = []
      for _ in 0..<3 {
        ids.append(try await stack.submit(receiver.body(url: receiver.url + "?token=hush")))
        try await receiver.callback(ids[ids.count - 1], is: "dead")
      }
      let page = try await stack.send("GET", "/status/callbacks?dead=1&limit=2").json
      let listed = page["callbacks"]?.arrayValue?.compactMap(\.objectValue) ?? []
      #expect(listed.map { $0["id"]?.stringValue } == [ids[2], ids[1]])
      #expect(
        listed.first?["last_error"]?.stringValue?.hasSuffix("answered 410: it wants no callbacks any more") == true)
      #expect(listed.first?["url"]?.stringValue == receiver.url + "?token=***")
      let next = try #require(page["next"]?.stringValue)
      let rest = try await stack.send("GET", "/status/callbacks?dead=1&limit=2&after=\(next)").json
      #expect(rest["callbacks"]?.arrayValue?.count == 1 && rest["next"] == .null)
      let health = try await stack.send("GET", "/status/health").json
      #expect(health["warnings"]?.text.contains("3 callbacks were given up: `wf callbacks --dead`") == true)

      let settings = ["WF_URL": stack.url]
      let list = try await wf("callbacks", "--dead", settings: settings)
      #expect(list.code == 0 && list.output.split(separator: "\n").count == 3 && !list.output.contains("hush"))
      #expect(try await wf("callbacks", settings: settings).output == "")
      #expect(try await wf("callbacks", "retry", ids[0], settings: settings).code == 0)
      try await receiver.callback(ids[0], is: "delivered")
      let all = try await wf("callbacks", "retry", "--dead", settings: settings)
      #expect(all.code == 0 && all.error.contains("2 callbacks are sent again"))
      for id in ids { try await receiver.callback(id, is: "delivered") }
      #expect(try await wf("callbacks", "retry", JobID().description, settings: settings).code == 66)
      #expect(try await wf("callbacks", "retry", settings: settings).code == 64)
      // One that was delivered is sent once more when asked for.
      #expect(try await wf("callbacks", "retry", ids[0], settings: settings).code == 0)
      try await receiver.server.waitForCalls(7)
      try await receiver.callback(ids[0], is: "delivered")
      #expect(try await Audit(stack).problems(of: ids) == [])
    }
  }

  @Test func `A callback is delivered when its run has expired, and does not change it`() async throws {
    try await CallbackReceiver.with { receiver in
      receiver.server.script([.status(503)])
      let id = try await receiver.stack.submit(receiver.body(["retain_s": 1, "labels": ["a": "b"]]))
      try await receiver.callback(id, is: "waiting", after: 1)
      _ = try await wait("the end of the run's keys") {
        try await receiver.stack.send("GET", "/status/\(id)").status == 404 ? true : nil
      }
      try await receiver.hasten(id)
      try await receiver.callback(id, is: "delivered")
      #expect(receiver.calls.map(\.raw).first == receiver.calls.map(\.raw).last && receiver.calls.count == 2)
      #expect(receiver.calls.last?.body?.objectValue?["data"]?.objectValue?["labels"] == ["a": "b"])
    }
  }

  @Test func `A receiver that does not answer holds up no other`() async throws {
    try await CallbackReceiver.with { receiver in
      let slow = try ModelServer()
      defer { slow.close() }
      slow.behaviour = .hold
      for _ in 0..<60 {
        _ = try await receiver.stack.submit(receiver.body(url: "http://127.0.0.1:\(slow.port)/slow"))
      }
      try await slow.waitForCalls(16)
      let ids = try await concurrently(Array(0..<20)) { _ in try await receiver.stack.submit(receiver.body()) }
      for id in ids { try await receiver.callback(id, is: "delivered", within: .seconds(10)) }
      #expect(slow.calls.count == 16 && slow.disconnects == 0)
    }
  }

  @Test func `An address that is not public is refused, at submission or when its name is resolved`() async throws {
    let server = try ModelServer()
    defer { server.close() }
    try await CallbackReceiver.with(settings: ["WF_CALLBACK_ALLOW_PRIVATE": ""]) { receiver in
      for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let body = receiver.body(url: "http://\(host):\(server.port)/?key=hush")
        let answer = try await receiver.stack.post(body.bytes)
        #expect(answer.status == 422)
        let text = String(decoding: answer.body, as: UTF8.self)
        #expect(text.contains("is not public (WF_CALLBACK_ALLOW_PRIVATE)") && text.contains("callback_url"))
      }
      var name = [CChar](repeating: 0, count: 256)
      gethostname(&name, 255)
      let host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      guard ["127.", "10.", "192.168.", "172."].contains(where: { address(of: host)?.hasPrefix($0) == true }) else {
        return
      }
      let id = try await receiver.stack.submit(receiver.body(url: "http://\(host):\(server.port)/"))
      let found = try await receiver.callback(id, is: "dead")
      #expect(
        found["last_error"]?.stringValue
          == "http://\(host):\(server.port) has an address that is not public (WF_CALLBACK_ALLOW_PRIVATE)")
    }
    #expect(server.calls.isEmpty)
  }

  /// The first IPv4 address of a name.
  private func address(of name: String) -> String? {
    guard let entry = gethostbyname(name), let bytes = entry.pointee.h_addr_list.pointee else { return nil }
    return (0..<4).map { "\(UInt8(bitPattern: bytes[$0]))" }.joined(separator: ".")
  }

  @Test func `Each generation of a run is reported, and so is its cancellation`() async throws {
    try await CallbackReceiver.with { receiver in
      let stack = receiver.stack
      let cancelled = try await stack.submit(receiver.body(["delay_s": 3_600]))
      #expect(try await stack.send("POST", "/workflow/\(cancelled)/cancel").status == 200)
      try await receiver.callback(cancelled, is: "delivered")
      #expect(receiver.calls.map { $0.body?.objectValue?["type"]?.stringValue } == ["run.cancelled"])
      let id = try await stack.submit(receiver.body(fails: true))
      try await receiver.callback(id, is: "delivered")
      #expect(try await stack.send("POST", "/workflow/\(id)/retry").status == 202)
      try await receiver.callback("\(id)-1", is: "delivered")
      #expect(receiver.calls.map { $0.headers["webhook-id"] } == [cancelled, id, "\(id)-1"])
      #expect(receiver.calls.last?.body?.objectValue?["data"]?.objectValue?["job_id"]?.stringValue == id)
      #expect(receiver.calls.last?.body?.objectValue?["type"] == "run.failed")
      #expect(try await receiver.verdicts() == ["run.cancelled", "run.failed", "run.failed"])
    }
  }

  @Test func `Without a secret a run with a callback_url is refused`() async throws {
    let stack = try await SharedStack.get()
    let answer = try await stack.post(
      #"{"run_name":"r","callback_url":"https://example.com/","steps":[{"id":"a","op":"preprocess"}]}"#)
    #expect(answer.status == 422)
    #expect(String(decoding: answer.body, as: UTF8.self).contains("callbacks are off: the operator has set no secret"))
    #expect(try await stack.send("GET", "/status/callbacks").json == ["callbacks": [], "next": .null])
    #expect(try await stack.send("POST", "/workflow/callbacks/retry").json == ["retried": 0, "left": 0])
    for path in ["/status/callbacks/x", "/status/callbacks/\(JobID())"] {
      #expect(try await stack.send("GET", path).status == 404)
    }
    #expect(try await stack.send("POST", "/workflow/callbacks/x/retry").status == 404)
    #expect(try await stack.send("GET", "/status/callbacks?after=x").status == 422)
    #expect(try await stack.send("DELETE", "/workflow/callbacks/retry").header("Allow") == "POST")
  }

  @Test func `Entries of the inbox and ticks of schedules report their ends, too`() async throws {
    try await CallbackReceiver.with { receiver in
      let (good, faulty, past) = (Entries.id(), Entries.id(), Entries.id())
      let entries = [
        Entries.entry(good, receiver.body()), Entries.entry(faulty, receiver.body(["priority": "urgent"])),
        Entries.entry(past, receiver.body(["run_at": "2001-01-01T00:00:00Z"])),
      ]
      for entry in entries { _ = try await receiver.stack.command("RPUSH", "wf:inbox", entry) }
      for id in [good, faulty, past] { try await receiver.callback(id, is: "delivered") }
      let types = receiver.calls.map { call in
        let code = call.body?.objectValue?["data"]?.objectValue?["error_code"]?.stringValue ?? ""
        return "\(call.headers["webhook-id"] ?? "") \(call.body?.objectValue?["type"]?.stringValue ?? "") \(code)"
      }
      let failed = "run.failed invalid_request"
      #expect(Set(types) == ["\(good) run.finished ", "\(faulty) \(failed)", "\(past) \(failed)"])
      let schedule: JSONValue = ["every_s": 1, "run": receiver.body()]
      let answer = try await receiver.stack.send(
        "PUT", "/workflow/schedules/often", headers: [("Content-Type", "application/json")], body: schedule.bytes)
      #expect(answer.status == 201)
      try await receiver.server.waitForCalls(4)
    }
  }
}
