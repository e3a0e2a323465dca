import Curl
import ExactJSON
import ModelServer
import SystemHarness
import Testing
import WorkflowStore

/// The callbacks of one name are not there for another one, and workers are drained by admins alone.
@Suite(.timeLimit(.minutes(3))) struct OwnedCallbackTests {
  private func text(_ body: [UInt8]) -> String { String(decoding: body, as: UTF8.self) }

  @Test func `Callbacks are listed, shown and sent again for their name alone`() async throws {
    let server = try ModelServer()
    defer { server.close() }
    server.behaviour = .status(410)
    try await KeyStack.with(.init(settings: CallbackReceiver.settings)) { keys in
      let receiver = CallbackReceiver(server: server, stack: keys.stack)
      let id = try await keys.submit(receiver.body(), key: "key-alice")
      let path = "/status/callbacks/\(id)"
      let dead = try await wait("a dead callback") {
        let answer = try await keys.send("GET", path, key: "key-alice").json
        return answer["state"] == "dead" ? answer : nil
      }
      #expect(dead["owner"] == "alice")

      let unknown = JobID().description
      for (method, path) in [("GET", "/status/callbacks/*"), ("POST", "/workflow/callbacks/*/retry")] {
        let nothing = try await keys.send(method, path.replacing("*", with: unknown), key: "key-bob")
        let refused = try await keys.send(method, path.replacing("*", with: id), key: "key-bob")
        #expect(refused.status == 404 && nothing.status == 404)
        #expect(text(refused.body).replacing(id, with: unknown) == text(nothing.body))
      }
      for (key, count) in [("key-bob", 0), ("key-alice", 1), ("key-ops", 1)] {
        let list = try await keys.send("GET", "/status/callbacks?dead=1", key: key).json
        #expect(list["callbacks"]?.arrayValue?.count == count && list["next"] == .null, "\(key)")
      }
      #expect(try await keys.send("POST", "/workflow/callbacks/retry", key: "key-alice-read").status == 403)
      let others = try await keys.send("POST", "/workflow/callbacks/retry", key: "key-bob")
      #expect(others.status == 202)
      #expect(try others.json == ["retried": 0, "left": 0])
      server.behaviour = .status(200)
      let own = try await keys.send("POST", "/workflow/callbacks/retry", key: "key-alice")
      #expect(try own.json == ["retried": 1, "left": 0])
      _ = try await wait("the delivery") {
        try await keys.send("GET", path, key: "key-alice").json["state"] == "delivered" ? true : nil
      }
      #expect(try await keys.send("POST", "/workflow/callbacks/\(id)/retry", key: "key-alice").status == 202)
    }
  }

  @Test(arguments: [1, 2]) func `A list of a name finds its callbacks among thousands`(_ partitions: Int) async throws {
    try await KeyStack.with(.init(partitions: partitions)) { keys in
      // Every thousandth is alice's.
      let fill = """
        for i = 0, 5000 do
          local id = string.format('0000000%s-0000-4000-8000-%012d', ARGV[2], i)
          redis.call('HSET', ARGV[1] .. 'callback:' .. id, 'job', id, 'url', 'https://a.invalid', 'dead_ts', '1',
            'owner', i % 1000 == 0 and 'alice' or 'bob')
          redis.call('ZADD', ARGV[1] .. 'callbacks:dead', tostring(1796008215000 + math.floor(i / 3)), id)
        end
        """
      for (number, prefix) in keys.stack.prefixes.enumerated() {
        _ = try await keys.stack.command("EVAL", fill, "0", prefix, "\(number)")
      }
      for limit in [1, 4, 500] {
        var found: [String] = []
        var after = ""
        repeat {
          let path = "/status/callbacks?dead=1&limit=\(limit)\(after)"
          let page = try await keys.send("GET", path, key: "key-alice").json
          let callbacks = page["callbacks"]?.arrayValue?.compactMap(\.objectValue) ?? []
          #expect(callbacks.count <= limit && callbacks.allSatisfy { $0["owner"] == "alice" })
          found += callbacks.compactMap { $0["id"]?.stringValue }
          after = page["next"]?.stringValue.map { "&after=\($0)" } ?? ""
        } while !after.isEmpty
        #expect(Set(found).count == found.count && found.count == 6 * partitions, "limit \(limit)")
      }
    }
  }

  @Test func `Only admins drain workers`() async throws {
    try await KeyStack.with { keys in
      let workers = try await keys.send("GET", "/status/workers", key: "key-ops").json["workers"]?.arrayValue ?? []
      let id = try #require(workers.first?.objectValue?["id"]?.stringValue)
      for method in ["POST", "DELETE"] {
        for key in ["key-alice", "key-alice-read"] {
          #expect(try await keys.send(method, "/workflow/workers/\(id)/drain", key: key).status == 403)
        }
        #expect(try await keys.send(method, "/workflow/workers/\(id)/drain", key: "key-ops").status == 200)
      }
    }
  }
}
