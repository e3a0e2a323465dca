import Curl
import ExactJSON
import Glibc
import Hiredis
import SystemHarness
import Testing

/// What belongs to one name is not there for another one, in every way that the API has.
@Suite(.timeLimit(.minutes(3))) struct OwnershipTests {
  /// The paths without a run or a schedule in them. A path that is new has to be looked at in a test here.
  private static let others: Set<String> = [
    "/status/usage", "/status/metrics",
    "/workflow/run", "/workflow/openapi.json", "/workflow/schedules", "/status", "/status/health", "/status/counts",
    "/workflow/runs/cancel", "/workflow/runs/pause", "/workflow/runs/resume", "/workflow/runs/retry",
    "/status/callbacks", "/workflow/callbacks/retry", "/workflow/ops", "/status/workers",
    "/workflow", "/workflow/docs", "/workflow/login", "/workflow/logout",
  ]
  private static let unknown = "00000000-0000-4000-8000-000000000000"

  private static let schedule: JSONValue = [
    "every_s": 3_600, "run": ["run_name": "s", "inputs": ["text": "a"], "steps": [["id": "pre", "op": "preprocess"]]],
  ]

  /// Each method of each path of the document.
  private func routes(_ keys: KeyStack) async throws -> [(method: String, path: String)] {
    let document = try await keys.send("GET", "/workflow/openapi.json", key: "key-alice").json
    return (document["paths"]?.objectValue?.members ?? []).flatMap { path in
      (path.value.objectValue?.members ?? []).map { ($0.key.uppercased(), path.key) }
    }
  }

  private func text(_ answer: HTTPResponse) -> String { String(decoding: answer.body, as: UTF8.self) }

  @Test func `Each route of a run answers another name as for a run that is not there`() async throws {
    try await KeyStack.with { keys in
      let ended = try await keys.submit(key: "key-alice")
      let waiting = try await keys.submit(KeyTests.delayed, key: "key-alice")
      _ = try await wait("the end") {
        try await keys.status(ended, key: "key-alice")["status"] == "finished" ? true : nil
      }
      let routes = try await routes(keys).filter { $0.path.contains("{job_id}") }
      #expect(routes.count >= 7)
      for (method, path) in routes {
        for query in ["", "?wait=1", "?since=x"] {
          for body in method == "POST" ? [nil, ["from": "pre"], ["x": 1]] as [JSONValue?] : [nil] {
            func answer(_ id: String, _ key: String) async throws -> HTTPResponse {
              try await keys.send(method, path.replacing("{job_id}", with: id) + query, key: key, body: body)
            }
            let nothing = try await answer(Self.unknown, "key-bob")
            #expect(nothing.status == 404, "\(method) \(path)\(query)")
            for id in [ended, waiting] {
              let refused = try await answer(id, "key-bob")
              #expect(refused.status == 404, "\(method) \(path)\(query)")
              #expect(text(refused).replacing(id, with: Self.unknown) == text(nothing), "\(method) \(path)\(query)")
            }
          }
        }
      }
      #expect(try await keys.status(waiting, key: "key-alice")["status"] == "queued")
      #expect(try await keys.status(ended, key: "key-alice")["generation"] == nil)
      #expect(try await keys.send("GET", "/status/\(ended)/events", key: "key-alice").status == 200)
      #expect(try await keys.send("POST", "/workflow/\(waiting)/cancel", key: "key-ops").status == 200)
    }
  }

  @Test func `Each route of a schedule answers another name as for a schedule that is not there`() async throws {
    try await KeyStack.with { keys in
      #expect(try await keys.send("PUT", "/workflow/schedules/s", key: "key-alice", body: Self.schedule).status == 201)
      let routes = try await routes(keys).filter { $0.path.contains("{name}") }
      #expect(routes.count == 3)
      for (method, _) in routes where method != "PUT" {
        let nothing = try await keys.send(method, "/workflow/schedules/none", key: "key-bob")
        let refused = try await keys.send(method, "/workflow/schedules/s", key: "key-bob")
        #expect(refused.status == 404 && nothing.status == 404, "\(method)")
        #expect(text(refused).replacing("schedule s", with: "schedule none") == text(nothing), "\(method)")
        let pointed = try await keys.send(method, "/workflow/schedules/s?owner=alice", key: "key-bob")
        #expect(pointed.status == 403, "\(method)")
      }
      // A schedule of the same name is another one.
      let own = try await keys.send("PUT", "/workflow/schedules/s", key: "key-bob", body: Self.schedule)
      #expect(own.status == 201)
      #expect(try await keys.send("DELETE", "/workflow/schedules/s", key: "key-bob").status == 204)
      let kept = try await keys.send("GET", "/workflow/schedules/s", key: "key-alice").json
      #expect(kept["name"] == "s" && kept["owner"] == "alice")
      let list = try await keys.send("GET", "/workflow/schedules", key: "key-bob").json
      #expect(list["schedules"] == [])
      let all = try await keys.send("GET", "/workflow/schedules", key: "key-ops").json
      #expect(all.at("schedules")?.arrayValue?.count == 1)
      #expect(try await keys.send("DELETE", "/workflow/schedules/s?owner=alice", key: "key-ops").status == 204)
    }
  }

  @Test func `Lists and requests for many runs know only those of the name`() async throws {
    try await KeyStack.with { keys in
      let known = Set(try await routes(keys).map(\.path).filter { !$0.contains("{") })
      #expect(known == Self.others)
      let run = try await keys.submit(KeyTests.delayed, key: "key-alice")
      for path in ["/status", "/status?status=queued", "/status?dead=1", "/status?name=delayed", "/status?owner=bob"] {
        #expect(try await keys.send("GET", path, key: "key-bob").json["runs"] == [], "\(path)")
      }
      for verb in ["cancel", "pause", "resume", "retry"] {
        let answer = try await keys.send("POST", "/workflow/runs/\(verb)?all=1", key: "key-bob")
        #expect(answer.status == 200, "\(verb)")
        #expect(try answer.json["runs"] == [], "\(verb)")
        #expect(try await keys.send("POST", "/workflow/runs/\(verb)", key: "key-bob").status == 422, "\(verb)")
      }
      #expect(try await keys.send("GET", "/status/counts", key: "key-bob").status == 403)
      for owner in ["alice", "bob"] {
        _ = try await keys.stack.command(
          "HSET", keys.stack.prefixes[0] + "spending:\(time(nil) / 86_400)", "calls:\(owner):m", "1")
      }
      let used = try await keys.send("GET", "/status/usage", key: "key-bob").json["usage"]?.arrayValue ?? []
      #expect(used.map { $0.objectValue?["owner"] } == ["bob"])
      #expect(try await keys.send("GET", "/status/usage", key: "key-ops").json["usage"]?.arrayValue?.count == 2)
      #expect(try await keys.send("GET", "/status?owner=alice", key: "key-bob").status == 403)
      #expect(try await keys.send("POST", "/workflow/runs/cancel?owner=alice", key: "key-bob").status == 403)
      #expect(try await keys.send("GET", "/status?owner=bob", key: "key-ops").json["runs"] == [])
      let owned = try await keys.send("GET", "/status?owner=alice", key: "key-ops").json
      #expect(owned["runs"]?.arrayValue?.count == 1)
      #expect(try await keys.status(run, key: "key-alice")["status"] == "queued")
      for key in ["key-alice", "key-ops"] {
        let listed = try await keys.send("GET", "/status", key: key).json["runs"]?.arrayValue ?? []
        #expect(listed.map { $0.objectValue?["job_id"] } == [.string(run)], "\(key)")
      }
      #expect(try await keys.send("POST", "/workflow/runs/cancel?all=1", key: "key-alice").status == 200)
      #expect(try await keys.status(run, key: "key-alice")["status"] == "cancelled")
    }
  }

  @Test func `The same Idempotency-Key of two names is two runs, and their stores are apart`() async throws {
    try await KeyStack.with { keys in
      let header = [(name: "Idempotency-Key", value: "order-1")]
      let alice = try await keys.submit(key: "key-alice", headers: header)
      let bob = try await keys.submit(key: "key-bob", headers: header)
      #expect(alice != bob)
      #expect(try await keys.submit(key: "key-alice", headers: header) == alice)
      let other = try await keys.send(
        "POST", "/workflow/run", key: "key-bob", headers: header, body: Examples.workflow(text: "another"))
      #expect(other.status == 409 && !text(other).contains(alice))
      for (id, key) in [(alice, "key-alice"), (bob, "key-bob")] {
        _ = try await wait("the end") { try await keys.status(id, key: key)["status"] == "finished" ? true : nil }
      }
    }
  }

  @Test func `A run without an owner is seen by admins alone`() async throws {
    try await KeyStack.with { keys in
      let id = "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2"
      let body: JSONValue = [
        "job_id": .string(id),
        "body": ["run_name": "inbox", "inputs": ["text": "a"], "steps": [["id": "pre", "op": "preprocess"]]],
      ]
      _ = try await keys.stack.command("RPUSH", "wf:inbox", body.text)
      _ = try await wait("the run", within: .seconds(20)) {
        try await keys.send("GET", "/status/\(id)", key: "key-ops").status == 200 ? true : nil
      }
      #expect(try await keys.send("GET", "/status/\(id)", key: "key-alice").status == 404)
    }
  }
}
