import Curl
import ExactJSON
import Hiredis
import SystemHarness
import Testing

/// The stores of one name are not there for another one, in every way that the API has.
@Suite(.timeLimit(.minutes(3))) struct StoreOwnershipTests {
  private static let path = "/workflow/stores/summaries"

  private func text(_ answer: HTTPResponse) -> String { String(decoding: answer.body, as: UTF8.self) }

  /// A run that has stored something into `summaries`.
  private func run(_ keys: KeyStack, key: String) async throws -> String {
    let id = try await keys.submit(key: key)
    _ = try await wait("the end") { try await keys.status(id, key: key)["status"] == "finished" ? true : nil }
    return id
  }

  @Test func `Each route of a store answers another name as for a store that is not there`() async throws {
    try await KeyStack.with { keys in
      _ = try await run(keys, key: "key-alice")
      let document = try await keys.send("GET", "/workflow/openapi.json", key: "key-alice").json
      let paths = (document["paths"]?.objectValue?.members ?? []).filter { $0.key.hasPrefix("/workflow/stores") }
      #expect(paths.map(\.key) == ["/workflow/stores/{namespace}"])
      let methods = paths.flatMap { $0.value.objectValue?.members.map { $0.key.uppercased() } ?? [] }
      #expect(Set(methods) == ["GET", "DELETE"])
      for method in methods {
        let nothing = try await keys.send(method, "/workflow/stores/none", key: "key-bob")
        #expect(nothing.status == 404, "\(method)")
        for query in ["", "?owner=bob"] + (method == "GET" ? ["?limit=5"] : []) {
          let refused = try await keys.send(method, Self.path + query, key: "key-bob")
          #expect(refused.status == 404, "\(method) \(query)")
          #expect(text(refused).replacing("store summaries", with: "store none") == text(nothing), "\(method) \(query)")
        }
        // Nor does another name lead there.
        for name in ["alice:summaries", "..:stores:alice:summaries", "alice%2Fsummaries"] {
          let answer = try await keys.send(method, "/workflow/stores/\(name)", key: "key-bob")
          #expect(answer.status == 404, "\(method) \(name)")
        }
        for (query, status) in [("?owner=alice", 403), ("?owner=", 403), ("?owner=%61lice", 403), ("?owner=a:b", 422)] {
          #expect(try await keys.send(method, Self.path + query, key: "key-bob").status == status, "\(method) \(query)")
        }
      }
      #expect(try await keys.send("DELETE", Self.path, key: "key-alice-read").status == 403)
      #expect(try await keys.send("GET", Self.path, key: "key-alice").status == 200)
    }
  }

  @Test func `A name reads and removes its own stores, and an admin those that it names`() async throws {
    try await KeyStack.with { keys in
      let id = try await run(keys, key: "key-alice")
      for (key, query) in [("key-alice", ""), ("key-alice-read", ""), ("key-ops", "?owner=alice")] {
        let own = try await keys.send("GET", Self.path + query, key: key).json
        #expect(own["owner"] == "alice" && own["count"] == 1, "\(key)")
        #expect(own["values"]?.arrayValue?.first?.objectValue?["job_id"] == .string(id), "\(key)")
      }
      for query in ["", "?owner=", "?owner=bob"] {
        #expect(try await keys.send("GET", Self.path + query, key: "key-ops").status == 404, "\(query)")
      }
      let nobodys = keys.stack.key("store:summaries", ofPartition: id)
      _ = try await keys.stack.command("RPUSH", nobodys, "{\"job_id\":\"\(id)\",\"step\":\"s\",\"data\":1}")
      let found = try await keys.send("GET", Self.path + "?owner=", key: "key-ops").json
      #expect(found["owner"] == nil && found["count"] == 1)
      // A store of the same name is another one.
      _ = try await run(keys, key: "key-bob")
      #expect(try await keys.send("DELETE", Self.path, key: "key-bob").status == 204)
      #expect(try await keys.send("GET", Self.path, key: "key-alice").status == 200)
      let settings = ["WF_URL": keys.stack.url, "WF_API_KEY": "key-ops"]
      #expect(try await wf("stores", "summaries", "--owner", "alice", settings: settings).output.contains(id))
      #expect(try await wf("stores", "delete", "summaries", "--owner", "", settings: settings).code == 0)
      #expect(try await keys.stack.command("EXISTS", nobodys).int == 0)
      #expect(try await keys.send("DELETE", Self.path + "?owner=alice", key: "key-ops").status == 204)
      #expect(try await keys.send("GET", Self.path, key: "key-alice").status == 404)
    }
  }
}
