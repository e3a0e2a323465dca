import Curl
import ExactJSON
import Glibc
import SystemHarness
import Testing

/// Stores by all names that they may have, their removal, `wf stores`, and Redis that is away.
@Suite(.timeLimit(.minutes(3))) struct StoreUseTests {
  @Test func `A store is found by its name, whatever characters that has`() async throws {
    let stack = try await SharedStack.get()
    let stores = StoreReader(stack: stack)
    let names = [
      "a/b", "é", "e\u{301}", "a b%+", "x?y#z", "list:of:colons", "{0}", "\u{1}\n", "", "..", "%2F", "stores:alice:x",
      "cancel", String(repeating: "ü", count: 200),
    ]
    for name in names {
      let id = try await stores.run(StoreReader.body(name, data: "\"odd\""))
      let page = try await stores.page(name)
      #expect(page.json["namespace"]?.stringValue?.unicodeScalars.elementsEqual(name.unicodeScalars) == true)
      #expect(page.json["values"]?.arrayValue?.compactMap { $0.objectValue?["job_id"] } == [.string(id)], "\(name)")
      let shown = try await wf("stores", "list", "--", name, settings: ["WF_URL": stack.url])
      #expect(shown.code == 0 && shown.output == "\(id)  s  \"odd\"\n", "\(name): \(shown.error)")
      #expect(try await stack.send("DELETE", StoreReader.path(name)).status == 204, "\(name)")
      #expect(try await stack.send("GET", StoreReader.path(name)).status == 404, "\(name)")
    }
    for path in ["%ff", "%C3", String(repeating: "u", count: 201), "none"] {
      for method in ["GET", "DELETE"] {
        let answer = try await stack.send(method, "/workflow/stores/\(path)")
        #expect(answer.status == 404, "\(path)")
        #expect(try answer.json["detail"]?.stringValue?.hasPrefix("there is no store ") == true)
      }
    }
  }

  @Test func `A removal while runs store takes nothing from their results`() async throws {
    let stack = try await SharedStack.get()
    let stores = StoreReader(stack: stack)
    let ids = try await concurrently(Array(0..<30)) { number in
      let answer = try await stack.post(StoreReader.body("removed", data: "\(number)"))
      return try #require(try answer.json["job_id"]?.stringValue)
    }
    var statuses: Set<Int> = []
    for id in ids {
      statuses.insert(try await stack.send("DELETE", "/workflow/stores/removed").status)
      #expect(try await stack.end(of: id)["status"] == "finished")
    }
    #expect(statuses.isSubset(of: [204, 404]))
    for (number, id) in ids.enumerated() {
      let status = try await stack.end(of: id)
      #expect(status.at("result", "stores", "removed") == [.number(JSONNumber(number))])
    }
    _ = try await stack.send("DELETE", "/workflow/stores/removed")
    #expect(try await stack.send("DELETE", "/workflow/stores/removed").status == 404)
    #expect(try await stack.keys("store:removed") == [])
    _ = try await stores.run(StoreReader.body("removed"))
    #expect(try await stores.page("removed").data == [1])
    let removed = try await wf("stores", "delete", "removed", settings: ["WF_URL": stack.url])
    #expect(removed.code == 0 && removed.error.contains("removed removed"))
    let again = try await wf("stores", "delete", "removed", settings: ["WF_URL": stack.url])
    #expect(again.code == 66 && again.error.contains("there is no store removed"))
  }

  @Test func `The command goes on to the next page by itself, and says where more are`() async throws {
    let stack = try await SharedStack.get()
    let stores = StoreReader(stack: stack)
    try await stores.push("store:lines", (0..<30).map { StoreReader.element("{\"n\":\($0)}") })
    let settings = ["WF_URL": stack.url]
    let some = try await wf("stores", "lines", "--limit", "7", settings: settings)
    #expect(some.code == 0 && some.output.split(separator: "\n").count == 7)
    if stack.prefixes.count == 1 { #expect(some.output.hasPrefix("\(StoreReader.job)  s  {\"n\":29}\n")) }
    let cursor = try #require(some.error.split(whereSeparator: \.isWhitespace).last)
    let rest = try await wf(
      "stores", "lines", "--limit", "1000", "--cursor", String(cursor), settings: settings)
    #expect(rest.code == 0 && rest.output.split(separator: "\n").count == 23 && !rest.error.contains("more:"))
    #expect(Set((some.output + rest.output).split(separator: "\n")).count == 30)
    let json = try await wf("stores", "lines", "--json", "--limit", "5", settings: settings)
    #expect(try JSONValue(parsing: json.output).objectValue?["count"] == 30)
    #expect(try await wf("stores", "lines", "--limit", "0", settings: settings).code == 64)
    #expect(try await wf("stores", settings: settings).code == 64)
    #expect(try await wf("stores", "none", settings: settings).code == 66)
    #expect(try await wf("stores", "lines", "--cursor", "made-up", settings: settings).code == 65)
  }

  @Test func `While Redis takes no writes or is away the answer is 503`() async throws {
    try await Stack.with { stack in
      let stores = StoreReader(stack: stack)
      try await stores.push("store:away", [StoreReader.element("1")])
      let other = stack.prefixes[0] + "store:text"
      _ = try await stack.command("SET", other, "mine")
      #expect(try await stack.send("GET", "/workflow/stores/text").status == 500)
      _ = try await stack.command("CONFIG", "SET", "min-replicas-to-write", "1")
      let refused = try await stack.send("DELETE", "/workflow/stores/away")
      #expect(refused.status == 503 && refused.header("Retry-After") == "2")
      #expect(try await stores.page("away").data == [1])
      _ = try await stack.command("CONFIG", "SET", "min-replicas-to-write", "0")
      try stack.signal(SIGSTOP, to: "redis")
      for method in ["GET", "DELETE"] {
        let answer = try await stack.send(method, "/workflow/stores/away")
        #expect(answer.status == 503 && answer.header("Retry-After") == "2", "\(method)")
        #expect(try answer.json["detail"] == "Redis is not available; try again")
      }
      try stack.signal(SIGCONT, to: "redis")
      _ = try await wait("an answer") {
        try await stack.send("GET", "/workflow/stores/away").status == 503 ? nil : true
      }
    }
  }
}
