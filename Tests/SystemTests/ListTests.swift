import Curl
import ExactJSON
import Hiredis
import ModelServer
import RedisFixture
import SystemHarness
import Testing
import WorkflowStore

/// Lists of runs, and what is done with all runs that a filter means.
@Suite struct ListTests {
  private func body(_ name: String, _ more: JSONObject = [:], op: String = "preprocess") -> JSONValue {
    let params: JSONObject = op == "preprocess" ? [:] : ["source": "x"]
    var body: JSONObject = [
      "run_name": .string(name), "steps": [["id": "a", "op": .string(op), "params": .object(params)]],
    ]
    for member in more.members { body[member.key] = member.value }
    return .object(body)
  }

  private func list(_ query: String, _ stack: Stack) async throws -> (ids: [String], next: String?) {
    let answer = try await stack.send("GET", "/status?" + query)
    let json = try answer.json
    #expect(answer.status == 200, "\(query): \(json)")
    let runs = json["runs"]?.arrayValue ?? []
    return (runs.compactMap { $0.objectValue?["job_id"]?.stringValue }, json["next"]?.stringValue)
  }

  /// All pages of a list.
  private func all(_ query: String, limit: Int, _ stack: Stack) async throws -> [[String]] {
    var (pages, cursor): ([[String]], String?) = ([], nil)
    repeat {
      let page = try await list(query + "&limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? ""), stack)
      pages.append(page.ids)
      cursor = page.next
    } while cursor != nil && pages.count < 100
    return pages
  }

  @Test func `Runs are found by what they are, the newest first`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .status(401)
      let failed = try await stack.submit(body("bad", ["labels": ["for": "a & b", "kind": "x"]], op: "llm_summarize"))
      _ = try await stack.end(of: failed)
      let finished = try await stack.submit(body("good one", ["labels": ["for": "a & b"]]))
      _ = try await stack.end(of: finished)
      model.behaviour = .hold
      let started = try await stack.submit(body("slow", op: "llm_summarize"))
      try await model.waitForCalls(2)
      let parked = try await stack.submit(body("good one", ["delay_s": 600]))
      let cancelled = try await stack.submit(body("late", ["delay_s": 600]))
      #expect(try await stack.send("POST", "/workflow/\(cancelled)/cancel").status == 200)
      let expected: [(query: String, ids: [String])] = [
        ("", [cancelled, parked, started, finished, failed]),
        ("status=queued", [parked]), ("status=started", [started]), ("status=finished", [finished]),
        ("status=failed", [failed]), ("status=cancelled", [cancelled]),
        ("status=queued&status=started", [parked, started]), ("status=failed&status=cancelled", [cancelled, failed]),
        ("name=good+one", [parked, finished]), ("name=good%20one&status=finished", [finished]), ("name=none", []),
        ("label=for=a+%26+b", [finished, failed]), ("label=for%3Da%20%26%20b&label=kind=x", [failed]),
        ("label=for=a", []), ("label=for=%F0%9F%8F%BB", []), ("error_code=provider_rejected", [failed]),
        ("error_code=timeout", []), ("since=2020-01-01T00:00:00Z&name=bad", [failed]),
        ("before=2020-01-01T00:00:00Z", []), ("before=0785-07-14T05:03:44Z", []),
        ("since=2999-01-01T00:00:00Z", []), ("owner=x", []),
      ]
      for (query, ids) in expected {
        #expect(try await list(query, stack).ids == ids, "\(query)")
        #expect(try await all(query, limit: 1, stack).flatMap { $0 } == ids, "\(query), in pages")
      }
      let row = try await stack.send("GET", "/status?status=failed").json["runs"]?.arrayValue?.first?.objectValue
      #expect(row?["labels"] == ["for": "a & b", "kind": "x"] && row?["error_code"] == "provider_rejected")
      let counts = try await stack.send("GET", "/status/counts").json
      for (name, count) in [
        ("queued", 1), ("started", 1), ("finished", 1), ("failed", 1), ("cancelled", 1), ("parked", 1), ("paused", 0),
      ] {
        #expect(counts[name] == .number(JSONNumber(count)), "\(name)")
      }
      model.release()
    }
  }

  @Test func `Pages stay where they are while runs are submitted, and hold each run once`() async throws {
    let stack = try await SharedStack.get()
    let name = "pages-\(UInt64.random(in: .min ... .max))"
    let ids = try await concurrently(Array(0..<57)) { _ in try await stack.submit(body(name)) }
    for id in ids { _ = try await stack.end(of: id) }
    var (seen, cursor): ([String], String?) = ([], nil)
    repeat {
      let page = try await list("name=\(name)&limit=10" + (cursor.map { "&cursor=\($0)" } ?? ""), stack)
      seen += page.ids
      cursor = page.next
      _ = try await stack.submit(body(name))
    } while cursor != nil
    #expect(seen.count == 57 && Set(seen) == Set(ids))
  }

  @Test(arguments: [
    "status=none", "label=x", "label==x", "since=yesterday", "limit=0", "limit=1001", "cursor=x", "cursor=1.2.3",
    "cursor=99999999999999999.1", "lable=a=b", "error_code=nothing", "paused=0",
    "status=paused", "dead=2", "dead=1&name=x", "cursor=-1.-1",
  ])
  func `A query that cannot be meant is refused`(_ query: String) async throws {
    let stack = try await SharedStack.get()
    let answer = try await stack.send("GET", "/status?" + query)
    #expect(answer.status == 422)
    let fault = try answer.json["detail"]?.arrayValue?.first?.objectValue
    #expect(fault?["loc"]?.arrayValue?.first == "query")
  }

  @Test func `All runs of a filter are steered, page by page, or only named`() async throws {
    try await Stack.withModel { stack, model in
      let labels: JSONObject = ["delay_s": 600, "labels": ["batch": "one"]]
      let ids = try await concurrently(Array(0..<7)) { _ in try await stack.submit(body("bulk", labels)) }
      let other = try await stack.submit(body("bulk", ["delay_s": 600]))
      func steer(_ verb: String, _ query: String) async throws -> [(id: String, status: String, done: JSONValue?)] {
        var (found, cursor): ([(id: String, status: String, done: JSONValue?)], String?) = ([], nil)
        repeat {
          let path = "/workflow/runs/\(verb)?\(query)&limit=3" + (cursor.map { "&cursor=\($0)" } ?? "")
          let json = try await stack.send("POST", path).json
          for run in json["runs"]?.arrayValue?.compactMap(\.objectValue) ?? [] {
            found.append((run["job_id"]?.stringValue ?? "", run["status"]?.stringValue ?? "", run["done"]))
          }
          cursor = json["next"]?.stringValue
        } while cursor != nil
        return found
      }
      let dry = try await steer("cancel", "label=batch=one&dry_run=1")
      #expect(Set(dry.map(\.id)) == Set(ids) && dry.allSatisfy { $0.status == "queued" && $0.done == nil })
      #expect(try await steer("pause", "label=batch=one").count == 7)
      #expect(try await list("status=queued", stack).ids.count == 8)
      for query in ["paused=1", "paused=1&status=queued&name=bulk", "paused=1&label=batch=one"] {
        #expect(try await Set(list(query, stack).ids) == Set(ids), "\(query)")
      }
      #expect(try await list("paused=1&status=finished", stack).ids.isEmpty)
      #expect(try await steer("resume", "label=batch=one").count == 7)
      #expect(try await steer("resume", "label=batch=one").isEmpty)
      let cancelled = try await steer("cancel", "label=batch=one")
      #expect(cancelled.count == 7 && cancelled.allSatisfy { $0.status == "cancelled" && $0.done == true })
      #expect(try await steer("cancel", "label=batch=one").isEmpty)
      #expect(try await stack.status(other)["status"] == "queued")
      let retried = try await steer("retry", "label=batch=one&status=cancelled")
      #expect(retried.count == 7 && retried.allSatisfy { $0.done == true })
      for id in ids { #expect(try await stack.end(of: id)["status"] == "finished") }
      for query in ["", "status=finished", "all=2", "nme=x"] {
        #expect(try await stack.send("POST", "/workflow/runs/cancel?\(query)").status == 422, "\(query)")
      }
      #expect(try await steer("cancel", "all=1").map(\.id) == [other])
    }
  }
}
