import Curl
import ExactJSON
import ModelServer
import SystemHarness
import Testing

/// Runs that were run again, as lists, counts and further requests see them.
@Suite(.timeLimit(.minutes(2))) struct SecondGenerationTests {
  private static let failing: JSONValue = [
    "run_name": "failing", "inputs": ["text": "x"],
    "steps": [["id": "a", "op": "combine", "params": ["parts": "@inputs.text"]]],
  ]
  private static let waiting: JSONValue = [
    "run_name": "waiting", "inputs": ["text": "x"], "delay_s": 600, "steps": [["id": "a", "op": "preprocess"]],
  ]

  private func listed(_ query: String, limit: Int, _ send: (String) async throws -> HTTPResponse) async throws
    -> [String]
  {
    var ids: [String] = []
    var cursor = ""
    repeat {
      let page = try await send("/status?\(query)&limit=\(limit)\(cursor)").json
      ids += (page["runs"]?.arrayValue ?? []).compactMap { $0.objectValue?["job_id"]?.stringValue }
      cursor = page["next"]?.stringValue.map { "&cursor=\($0)" } ?? ""
    } while !cursor.isEmpty
    return ids
  }

  @Test func `However often a run has ended, a list has it once, and it is counted once`() async throws {
    try await Stack.with { stack in
      let send = { (path: String) in try await stack.send("GET", path) }
      let finished = try await stack.submit(Examples.example)
      _ = try await stack.end(of: finished)
      let others = [try await stack.submit(Self.failing), try await stack.submit(Self.failing)]
      for id in others { _ = try await stack.end(of: id) }
      let failed = try await stack.submit(Self.failing)
      _ = try await stack.end(of: failed)
      for _ in 0..<3 {
        #expect(try await stack.send("POST", "/workflow/\(failed)/retry").status == 202)
        _ = try await stack.end(of: failed)
      }
      let cancelled = try await stack.submit(Self.waiting)
      #expect(try await stack.send("POST", "/workflow/\(cancelled)/cancel").status == 200)
      let mended = try await stack.submit(Self.waiting)
      #expect(try await stack.send("POST", "/workflow/\(mended)/cancel").status == 200)
      #expect(try await stack.send("POST", "/workflow/\(mended)/retry").status == 202)
      #expect(try await stack.end(of: mended)["status"] == "finished")
      for limit in [1, 2, 100] {
        let all = try await listed("status=failed", limit: limit, send)
        #expect(all.count == 3 && Set(all) == Set(others + [failed]) && all.first == failed, "\(limit)")
        #expect(try await listed("status=cancelled", limit: limit, send) == [cancelled])
      }
      let counts = try await send("/status/counts").json
      #expect(counts["finished"] == 2 && counts["failed"] == 3 && counts["cancelled"] == 1, "\(counts)")
      let dry = try await stack.send("POST", "/workflow/runs/retry?status=failed&dry_run=1").json
      #expect(dry["runs"]?.arrayValue?.count == 3)
    }
  }

  @Test func `A name's failed runs are on lists of their own`() async throws {
    try await KeyStack.with { keys in
      var ids: [String: [String]] = [:]
      for name in ["alice", "bob", "alice", "bob", "bob"] {
        let id = try await keys.submit(Self.failing, key: "key-\(name)")
        ids[name, default: []].insert(id, at: 0)
        _ = try await wait("the end") {
          try await keys.status(id, key: "key-\(name)")["status"] == "failed" ? true : nil
        }
      }
      for name in ["alice", "bob"] {
        for limit in [1, 100] {
          let own = try await listed("status=failed", limit: limit) {
            try await keys.send("GET", $0, key: "key-\(name)")
          }
          #expect(own == ids[name], "\(name) \(limit)")
        }
      }
      // Its place says nothing of the others.
      let page = try await keys.send("GET", "/status?status=failed&limit=1", key: "key-alice").json
      if keys.stack.prefixes.count == 1 { #expect(page["next"]?.stringValue?.hasSuffix(".1") == true) }
    }
  }

  @Test func `While a run runs again only the same wish is answered`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .hold
      let id = try await stack.submit(Examples.example)
      try await model.waitForCalls(1)
      #expect(try await stack.send("POST", "/workflow/\(id)/cancel").status == 200)
      #expect(try await stack.send("POST", "/workflow/\(id)/retry").status == 202)
      try await model.waitForCalls(2)
      func rerun(_ step: String) async throws -> Int {
        try await stack.send(
          "POST", "/workflow/\(id)/rerun", headers: [("Content-Type", "application/json")],
          body: JSONValue.object(["from": .string(step)]).bytes
        ).status
      }
      #expect(try await stack.send("POST", "/workflow/\(id)/retry").status == 202)
      #expect(try await rerun("pre") == 409)
      #expect(try await rerun("none") == 409)
      #expect(try await stack.send("POST", "/workflow/\(id)/cancel").status == 200)
      #expect(try await rerun("none") == 422)
      #expect(try await rerun("pre") == 202)
      #expect(try await rerun("pre") == 202)
      #expect(try await rerun("llm") == 409)
      #expect(try await stack.send("POST", "/workflow/\(id)/retry").status == 409)
      model.release()
      let status = try await stack.end(of: id)
      #expect(status["status"] == "finished" && status["generation"] == 2)
    }
  }

  @Test func `A misspelt parameter removes nothing`() async throws {
    try await KeyStack.with { keys in
      let id = try await keys.submit(key: "key-alice")
      _ = try await wait("the end") {
        try await keys.status(id, key: "key-alice")["status"] == "finished" ? true : nil
      }
      let path = "/workflow/stores/summaries"
      #expect(try await keys.send("DELETE", path + "?onwer=bob", key: "key-alice").status == 422)
      #expect(try await keys.send("GET", path, key: "key-alice").json["count"] == 1)
      #expect(try await keys.send("DELETE", "/workflow/schedules/s?onwer=bob", key: "key-alice").status == 422)
      #expect(try await keys.send("DELETE", path, key: "key-alice").status == 204)
    }
  }
}
