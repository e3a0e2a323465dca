import Curl
import ExactJSON
import Glibc
import ModelServer
import SystemHarness
import Testing

/// Workers are listed, drained and taken back on the real stack.
@Suite(.timeLimit(.minutes(3))) struct DrainTests {
  private func workers(_ stack: Stack) async throws -> [JSONObject] {
    try await stack.send("GET", "/status/workers").json["workers"]?.arrayValue?.compactMap(\.objectValue) ?? []
  }

  /// Waits until the workers are in these states, sorted.
  @discardableResult
  private func workers(_ stack: Stack, _ states: String...) async throws -> [JSONObject] {
    try await wait("workers that are \(states)") {
      let found = try await workers(stack)
      return found.map { $0["state"]?.stringValue ?? "?" }.sorted() == states ? found : nil
    }
  }

  @Test func `A drained worker finishes its runs and stays; new runs go to the other one`() async throws {
    try await Stack.with(.init(workers: 2, settings: ["WF_WORKER_RUNS": "8"])) { stack in
      let found = try await workers(stack, "working", "working")
      let id = try #require(found[0]["id"]?.stringValue)
      #expect(found[0]["slots"] == 8 && found[0]["operations"]?.arrayValue?.contains("preprocess") == true)
      let drained = try await wf("drain", id, "--wait", settings: ["WF_URL": stack.url])
      #expect(drained.code == 0 && drained.error.hasSuffix("drained\n"))
      for _ in 0..<20 { #expect(try await stack.run(Examples.example)["status"] == "finished") }
      let health = try await stack.send("GET", "/status/health").json
      #expect(health["workers"] == 1 && health["drained"] == 1)
      let table = try await wf("workers", settings: ["WF_URL": stack.url]).output
      #expect(table.split(separator: "\n").count == 3 && table.contains("drained"))

      // Both lines are lost with a connection, and the messages with them.
      for kind in ["normal", "pubsub"] { _ = try await stack.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes") }
      try await workers(stack, "drained", "working")
      let undone = try await wf("drain", "--undo", String(id.dropLast()), settings: ["WF_URL": stack.url])
      #expect(undone.code == 0)
      try await workers(stack, "working", "working")
    }
  }

  @Test func `While all workers are drained runs wait, and a restarted one takes them`() async throws {
    try await Stack.with { stack in
      try await workers(stack, "working")
      #expect(try await wf("drain", "--all", "--wait", settings: ["WF_URL": stack.url]).code == 0)
      let id = try await stack.submit(Examples.example)
      #expect(try await stack.send("GET", "/status/health").status == 503)
      #expect(try await stack.status(id)["status"] == "queued")
      try stack.signal(SIGKILL, to: "worker-1")
      #expect(try await stack.end(of: id)["status"] == "finished")
    }
  }

  @Test func `What a worker says is there again after FLUSHALL, and gone after its death`() async throws {
    try await Stack.with(.init(settings: ["WF_LEASE_S": "1"])) { stack in
      let before = try await workers(stack, "working")
      #expect(try await wf("drain", "--all", "--wait", settings: ["WF_URL": stack.url]).code == 0)
      _ = try await stack.command("FLUSHALL")
      let after = try await workers(stack, "drained")
      #expect(after.map { $0["id"] } == before.map { $0["id"] })
      try stack.signal(SIGKILL, to: "worker-1")
      let next = try await workers(stack, "working")
      #expect(next.map { $0["id"] } != before.map { $0["id"] })
    }
  }

  @Test func `Wrong names and options are said`() async throws {
    let stack = try await SharedStack.get()
    let settings = ["WF_URL": stack.url]
    let unknown = try await wf("drain", "nobody-1", settings: settings)
    #expect(unknown.code == 66 && unknown.error.contains("there is no live worker nobody-1"))
    #expect(try await wf("drain", "--host", "nowhere", settings: settings).code == 66)
    for arguments in [["drain"], ["drain", "--all", "x"], ["drain", "--all", "--undo", "--wait"]] {
      #expect(try await wf(arguments, settings: settings).code == 64)
    }
    let json = try await wf("workers", "--json", settings: settings)
    #expect(try JSONValue(parsing: json.output).objectValue?["workers"]?.arrayValue?.isEmpty == false)
  }
}
