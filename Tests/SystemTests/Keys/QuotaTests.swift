import AccessKeys
import Curl
import ExactJSON
import Hiredis
import SystemHarness
import Testing

/// What the runs of a name may take.
@Suite(.timeLimit(.minutes(3))) struct QuotaTests {
  /// What Redis counts for a name, of all partitions: live runs, their bytes, and bytes of runs that have ended.
  private func usage(_ name: String, _ keys: KeyStack) async throws -> (runs: Int, live: Int, ended: Int) {
    var usage = (runs: 0, live: 0, ended: 0)
    for prefix in keys.stack.prefixes {
      let fields = try await keys.stack.command("HGETALL", prefix + "usage:" + name).array?.compactMap(\.string) ?? []
      for index in stride(from: 0, to: fields.count, by: 2) {
        let count = try #require(Int(fields[index + 1]))
        switch fields[index] {
        case "runs": usage.runs += count
        case "bytes": usage.live += count
        default: usage.ended += count
        }
      }
    }
    return usage
  }

  private func end(of id: String, _ key: String, _ keys: KeyStack) async throws -> String {
    try await wait("the end of \(id)") {
      let status = try await keys.status(id, key: key)["status"]?.stringValue
      return ["queued", "started"].contains(status) ? nil : status
    }
  }

  @Test func `A name has as many queued and started runs as its key says, however they come`() async throws {
    try await KeyStack.with(.init(partitions: 1)) { keys in
      let answers = try await concurrently(Array(0..<20)) { _ in
        try await keys.send("POST", "/workflow/run", key: "key-few", body: KeyTests.delayed)
      }
      let accepted = answers.filter { $0.status == 202 }
      let refused = answers.filter { $0.status == 429 }
      #expect(accepted.count == 2 && refused.count == 18)
      #expect(refused.allSatisfy { $0.header("Retry-After") == "1" })
      let detail = try refused[0].json["detail"]
      #expect(detail == "few has 2 queued and started runs, as many as it may have (runs)")
      _ = try await keys.submit(KeyTests.delayed, key: "key-alice")
      let first = try #require(try accepted[0].json["job_id"]?.stringValue)
      #expect(try await keys.send("POST", "/workflow/\(first)/cancel", key: "key-few").status == 200)
      _ = try await keys.submit(KeyTests.delayed, key: "key-few")
      #expect(try await keys.send("POST", "/workflow/run", key: "key-few", body: KeyTests.delayed).status == 429)
    }
  }

  @Test func `With several partitions a limit counts the runs of all`() async throws {
    try await KeyStack.with(.init(partitions: 3)) { keys in
      _ = try await wait("a refusal") {
        let answer = try await keys.send("POST", "/workflow/run", key: "key-few", body: KeyTests.delayed)
        return answer.status == 429 ? true : nil
      }
      let runs = try await usage("few", keys).runs
      // What each other partition accepts within a second may exceed it.
      #expect((2...6).contains(runs))
    }
  }

  @Test func `Every end of a run is counted, and running it again counts it once`() async throws {
    try await KeyStack.with { keys in
      let key = "key-alice"
      let done = try await keys.submit(key: key)
      let failing: JSONValue = [
        "run_name": "failing", "inputs": ["text": "x"],
        "steps": [["id": "a", "op": "combine", "params": ["parts": "@inputs.text"]]],
      ]
      let failed = try await keys.submit(failing, key: key)
      let cancelled = try await keys.submit(KeyTests.delayed, key: key)
      #expect(try await usage("alice", keys).runs > 0)
      #expect(try await keys.send("POST", "/workflow/\(cancelled)/cancel", key: key).status == 200)
      #expect(try await end(of: done, key, keys) == "finished")
      #expect(try await end(of: failed, key, keys) == "failed")
      let before = try await usage("alice", keys)
      #expect(before.runs == 0 && before.live == 0 && before.ended > 1_000)
      for prefix in keys.stack.prefixes {
        let key = prefix + "usage:alice"
        if try await keys.stack.command("EXISTS", key) == .integer(0) { continue }
        #expect(try await keys.stack.command("TTL", key).int ?? 0 > 0)
      }
      #expect(try await keys.send("POST", "/workflow/\(done)/rerun", key: key, body: ["from": "pre"]).status == 202)
      #expect(try await end(of: done, key, keys) == "finished")
      #expect(try await keys.send("POST", "/workflow/\(failed)/retry", key: key).status == 202)
      #expect(try await end(of: failed, key, keys) == "failed")
      let after = try await usage("alice", keys)
      // Their logs have grown; a second result or document would count for more.
      #expect(after.runs == 0 && after.live == 0 && after.ended > before.ended)
      let logs = try await keys.stack.progress(of: done).count + keys.stack.progress(of: failed).count
      #expect(after.ended - before.ended < logs * 400)
    }
  }

  @Test func `A name stores as much as its key says, and a refusal leaves nothing`() async throws {
    try await KeyStack.with(.init(partitions: 1)) { keys in
      let key = "key-small"
      let header = [(name: "Idempotency-Key", value: "first")]
      let first = try await keys.submit(key: key, headers: header)
      let refusal = try await wait("a refusal", within: .seconds(30)) {
        let answer = try await keys.send("POST", "/workflow/run", key: key, body: Examples.example)
        return answer.status == 429 ? answer : nil
      }
      #expect(try refusal.json["detail"]?.stringValue?.hasPrefix("small may store 2000 bytes (bytes)") == true)
      #expect(refusal.header("Retry-After") == "60")
      _ = try await keys.submit(key: "key-alice")
      // A repetition is answered all the same.
      #expect(try await keys.submit(key: key, headers: header) == first)
      let other = [(name: "Idempotency-Key", value: "second")]
      let refused = try await keys.send("POST", "/workflow/run", key: key, headers: other, body: Examples.example)
      #expect(refused.status == 429)

      let more = AccessKey(name: "small", secret: key, limits: .init(bytes: 2_000_000))
      try KeyStack.write(KeyStack.text([more, AccessKey(name: "ops", secret: "key-ops", role: .admin)]), to: keys.file)
      let accepted = try await wait("the new limit", within: .seconds(30)) {
        let answer = try await keys.send("POST", "/workflow/run", key: key, headers: other, body: Examples.example)
        return answer.status == 202 ? try answer.json["job_id"]?.stringValue : nil
      }
      #expect(try await end(of: accepted, key, keys) == "finished")
      #expect(try await keys.submit(key: key, headers: other) == accepted)
    }
  }
}
