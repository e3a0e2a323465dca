import Curl
import ExactJSON
import Glibc
import Hiredis
import Subprocess
import SystemHarness
import SystemPackage
import Testing
import WorkflowStore

/// Runs that are submitted from Python, with nothing but a Redis client.
@Suite(.enabled(if: PythonInbox.folder != nil, "make test installs the client"), .timeLimit(.minutes(3)))
struct InboxTests {
  private static let body = Entries.storing(1)

  @Test(arguments: [1, 4])
  func `Entries are runs like those of HTTP, with all that a run may say`(_ partitions: Int) async throws {
    try await Stack.with(.init(partitions: partitions)) { stack in
      let ids = (0..<8).map { _ in Entries.id() }
      var bodies = Array(repeating: Examples.example, count: 8)
      let options: [(String, JSONValue)] = [
        ("delay_s", 1), ("priority", "high"), ("timeout_s", 60), ("retain_s", 600), ("labels", ["team": "a"]),
        ("run_at", "2999-12-24T18:00:00+01:00"),
      ]
      for (index, option) in options.enumerated() {
        var body = bodies[index].objectValue ?? JSONObject()
        body[option.0] = option.1
        bodies[index] = .object(body)
      }
      let entries = zip(ids, bodies).map { Entries.entry($0, $1) }
      let ended = ids.filter { $0 != ids[5] }
      let found = try await PythonInbox(stack: stack).submit(entries, jobs: ended)
      for id in ended {
        #expect(found.fact("status", id) == "finished")
        let status = try await stack.status(id)
        #expect(found.jobs.at(id, "result") == status["result"] && status["run_name"] == "summarize-then-store")
        #expect(
          status.messages.first == "enqueued" && status.at("result", "outputs", "llm", "provider") == "placeholder")
      }
      #expect(found.fact("delay", ids[0]) == "1000" && found.fact("priority", ids[1]) == "high")
      #expect(found.fact("limit", ids[2]) == "60" && found.fact("labels", ids[4]) == #"{"team":"a"}"#)
      let left = try await stack.command("TTL", stack.key("job", ids[3])).int ?? 0
      #expect((1...600).contains(left))
      let later = try await stack.status(ids[5])
      #expect(later["status"] == "queued" && (later["due_ts"]?.numberValue?.double ?? 0) > 32_000_000_000)
      #expect(try await stack.command("LLEN", "wf:inbox").int == 0)
    }
  }

  /// Bodies that cannot be run, and what the job's error says.
  private static let faulty: [(body: String, error: String)] = [
    ("{}", "body.run_name: Field required; body.steps: Field required"),
    ("[]", "body: Input should be a valid dictionary"),
    (#"{"run_name": "x", "steps": []}"#, "body.steps: List should have at least 1 item"),
    (#"{"run_name": "x", "steps": [{"id": "a", "op": "no such"}]}"#, "body.steps.0.op: Input should be 'combine'"),
    (#"{"run_name": "x", "steps": [{"id": "a", "op": "no such", "need": []}]}"#, "body.steps.0.need: Extra inputs"),
    (
      #"{"run_name": "x", "steps": [{"id": "a", "op": "preprocess"}], "run_at": "2001-01-01T00:00:00Z"}"#,
      "body.run_at: Value error, the time has passed"
    ),
    (#"{"run_name": "x", "run_name": "y"}"#, "comes twice in the same object"),
    (#"{"run_name": "x", "inputs": {"text": "\#(String(repeating: "a", count: 9_900))"}}"#, "larger than 9900 bytes"),
    (#"{}, "priority": "high""#, "the entry has a member \"priority\""),
  ]

  @Test(arguments: [1, 4])
  func `A faulty entry is a failed job that says why, and stops nothing behind it`(_ partitions: Int) async throws {
    let settings = ["WF_MAX_BODY_BYTES": "9900"]
    try await Stack.with(.init(workers: 2, settings: settings, partitions: partitions)) { stack in
      let ids = Self.faulty.map { _ in Entries.id() }
      let (empty, good) = (Entries.id(), Entries.id())
      let entries =
        zip(ids, Self.faulty).map { Entries.entry($0, $1.body) }
        + ["{\"job_id\": \"\(empty)\"}", Entries.entry(good, Self.body)]
      let found = try await PythonInbox(stack: stack).submit(entries, jobs: ids + [empty, good])
      #expect(found.fact("status", good) == "finished" && found.fact("error", empty).contains("has no body"))
      for (id, fault) in zip(ids, Self.faulty) {
        #expect(found.fact("status", id) == "failed" && found.fact("error_code", id) == "invalid_request")
        #expect(found.fact("error", id).contains(fault.error), "\(found.fact("error", id))")
        #expect(found.jobs.at(id, "log") == ["enqueued", "failed"])
        let status = try await stack.status(id)
        #expect(status["error"]?.stringValue == found.fact("error", id) && status["error_code"] == "invalid_request")
        #expect(try await stack.send("GET", "/status/\(id)/events").status == 200)
      }
      #expect(found.fact("run_name", ids[3]) == "x" && found.refused.isEmpty)
      #expect(try await Audit(stack).problems(of: ids + [empty, good]) == [])
    }
  }

  @Test func `What can be no job is kept with the reason, and health says so`() async throws {
    try await Stack.with(.init(settings: ["WF_MAX_BODY_BYTES": "9900"])) { stack in
      let large = Entries.entry(Entries.id(), "\"\(String(repeating: "é", count: 1_000_000))\"")
      let refused: [(entry: String, reason: String)] = [
        ("hello", "it is no JSON"), ("", "it is no JSON"), ("[1]", "it is no JSON object"),
        (#"{"body": {}}"#, "it has no job_id"), (#"{"job_id": 7, "body": {}}"#, "its job_id is no UUID: 7"),
        (#"{"job_id": "\#(Entries.id())0", "body": {}}"#, "its job_id is no UUID"),
        (large, "a body may have 9900 (WF_MAX_BODY_BYTES)"),
        ("\u{0}\"\n", "it is no JSON"),
      ]
      let good = Entries.id()
      let found = try await PythonInbox(stack: stack).submit(
        refused.map(\.entry) + [Entries.entry(good, Self.body)], jobs: [good], refused: refused.count)
      #expect(found.fact("status", good) == "finished" && found.refused.count == refused.count)
      for (entry, expected) in zip(found.refused, refused) {
        #expect(entry["reason"]?.stringValue?.contains(expected.reason) == true, "\(entry)")
        #expect(entry["bytes"]?.numberValue?.int == expected.entry.utf8.count && entry["ts"]?.numberValue != nil)
        let text = entry["entry"]?.stringValue ?? ""
        #expect(expected.entry == large ? large.hasPrefix(String(text.dropLast(2))) : text == expected.entry)
      }
      let health = try await stack.send("GET", "/status/health").json
      #expect(
        health["warnings"]?.arrayValue?.contains { $0.text.contains("8 entries of the inbox were refused") } == true)
      let lines = try stack.log(of: "worker-1").split(separator: "\n").filter { $0.contains("are refused") }
      #expect((1...refused.count).contains(lines.count) && lines.contains { $0.contains("wf:inbox:refused") })
      #expect(try await stack.command("TTL", "wf:inbox:refused").int ?? -1 > 0)
      #expect(try await Audit(stack).problems(of: [good]) == [])
    }
  }

  @Test func `A known id is ignored, whoever has submitted it`() async throws {
    try await Stack.with(.init(workers: 2)) { stack in
      let known = try await stack.submit(Examples.example)
      _ = try await stack.end(of: known)
      let before = try await stack.command("HGETALL", stack.key("job", known))
      let id = Entries.id()
      let entry = Entries.entry(id, Self.body)
      let last = Entries.id()
      let entries = [
        Entries.entry(known, Self.body), Entries.entry(known, "{}"), entry, entry,
        Entries.entry(id, Entries.storing(2)),
        Entries.entry(id.uppercased(), Self.body), Entries.entry(last, Self.body),
      ]
      let python = PythonInbox(stack: stack)
      #expect(try await python.submit(entries, jobs: [id, last]).refused.isEmpty)
      #expect(
        try await python.submit([entry, Entries.entry(Entries.id(), Self.body)], jobs: [id]).fact("status", id)
          == "finished")
      _ = try await wait("an empty inbox") { try await stack.command("LLEN", "wf:inbox").int == 0 ? true : nil }
      _ = try await wait("the last run") { try await stack.list("store:numbers").count == 3 ? true : nil }
      #expect(try await stack.command("HGETALL", stack.key("job", known)) == before)
      #expect(try await stack.keys("job:*").count == 4)
      #expect(try await Audit(stack).problems(of: [known, id, last]) == [])
    }
  }

  @Test func `An entry waits for a worker that has its operations, and blocks none meanwhile`() async throws {
    try await Stack.with(.init(workers: 2)) { stack in
      try await stack.withOwnWorker {
        _ = try await wait("three workers") {
          try await stack.send("GET", "/status/health").json["workers"] == 3 ? true : nil
        }
        let ids = (0..<20).map { _ in Entries.id() }
        let body = #"{"run_name": "loud", "inputs": {"text": "quiet"}, "steps": [{"id": "a", "op": "shout"}]}"#
        let entries = ids.enumerated().map { Entries.entry($1, $0 % 2 == 0 ? body : Self.body.text) }
        let found = try await PythonInbox(stack: stack).submit(entries, jobs: ids)
        for (index, id) in ids.enumerated() {
          #expect(found.fact("status", id) == "finished", "\(found.fact("error", id))")
          if index % 2 == 0 { #expect(found.jobs.at(id, "result", "outputs", "a", "text") == "QUIET") }
        }
      }
    }
  }

  @Test func `A list that is none stops nothing else, and is said`() async throws {
    try await Stack.with { stack in
      _ = try await stack.command("SET", "wf:inbox", "mine")
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      _ = try await wait("a line in the log") {
        try stack.log(of: "worker-1").contains("wf:inbox is a string, not a list") ? true : nil
      }
      let health = try await stack.send("GET", "/status/health")
      #expect(health.status == 200)
      #expect(try health.json["warnings"]?.arrayValue?.contains { $0.text.contains("wf:inbox is no list") } == true)
      _ = try await stack.command("DEL", "wf:inbox")
      let id = Entries.id()
      let found = try await PythonInbox(stack: stack).submit([Entries.entry(id, Self.body)], jobs: [id])
      #expect(found.fact("status", id) == "finished")
      let lines = try stack.log(of: "worker-1").split(separator: "\n").filter { $0.contains("look into the inbox") }
      #expect(lines.count == 2, "\(lines)")
    }
  }
}
