import Curl
import ExactJSON
import Hiredis
import ModelServer
import RedisFixture
import SystemHarness
import Testing

/// Whatever a request writes, its answer waits for the replicas: also that of a repetition, which finds it written.
@Suite(.timeLimit(.minutes(4))) struct ReplicaWaitStackTests {
  /// A request that writes.
  private struct Write {
    /// Method and path, as the OpenAPI document has them.
    let route: String
    let path: String
    var body: JSONValue?
    var headers: [HTTPHeader] = []
    /// What it is answered once a replica has what the two attempts before have written.
    let statuses: Set<Int>
  }

  private static let steps: JSONValue = [
    ["id": "pre", "op": "preprocess"],
    ["id": "store", "op": "store_result", "params": ["namespace": "kept", "data": "@pre.clean_text"]],
  ]

  private func workflow(_ members: JSONObject = [:]) -> JSONValue {
    var body: JSONObject = ["run_name": "waits", "inputs": ["text": "a"], "steps": Self.steps]
    for member in members.members { body[member.key] = member.value }
    return .object(body)
  }

  /// Submits a run that waits for an hour.
  private func delayed(_ stack: Stack, label: String? = nil, then verb: String? = nil) async throws -> String {
    let labels: JSONObject = label.map { ["labels": ["batch": .string($0)]] } ?? [:]
    var members: JSONObject = ["delay_s": 3_600]
    for member in labels.members { members[member.key] = member.value }
    let id = try await stack.submit(workflow(members))
    if let verb { #expect(try await stack.send("POST", "/workflow/\(id)/\(verb)").status == 200) }
    return id
  }

  /// Submits a run whose callback is refused for good, and waits for that.
  private func refused(_ stack: Stack, _ url: String) async throws -> String {
    let id = try await stack.submit(workflow(["callback_url": .string(url)]))
    _ = try await wait("a dead callback") {
      try await stack.send("GET", "/status/callbacks/\(id)").json["state"] == "dead" ? true : nil
    }
    return id
  }

  /// Makes a schedule `gone`.
  /// - Returns: what was sent.
  private func schedule(_ stack: Stack) async throws -> JSONValue {
    let schedule: JSONValue = ["every_s": 3_600, "run": workflow()]
    let made = try await stack.send(
      "PUT", "/workflow/schedules/gone", headers: [("Content-Type", "application/json")], body: schedule.bytes)
    #expect(made.status == 201)
    return schedule
  }

  /// Every request that writes, and what it needs to do so.
  private func writes(_ stack: Stack, _ hook: String) async throws -> [Write] {
    let schedule = try await schedule(stack)
    let ended = try await stack.submit(workflow())
    #expect(try await stack.end(of: ended)["status"] == "finished")
    let workers = try await stack.send("GET", "/status/workers").json["workers"]?.arrayValue
    let worker = try #require(workers?.first?.objectValue?["id"]?.stringValue)
    func one(_ verb: String, _ id: String, _ statuses: Set<Int>, body: JSONValue? = nil) -> Write {
      Write(
        route: "POST /workflow/{job_id}/\(verb)", path: "/workflow/\(id)/\(verb)", body: body, statuses: statuses)
    }
    func all(_ verb: String) -> Write {
      Write(
        route: "POST /workflow/runs/\(verb)", path: "/workflow/runs/\(verb)?label=batch%3D\(verb)", statuses: [200])
    }
    for (verb, state) in [("cancel", nil), ("pause", nil), ("resume", "pause"), ("retry", "cancel")] {
      _ = try await delayed(stack, label: verb, then: state)
    }
    return try await [
      Write(
        route: "POST /workflow/run", path: "/workflow/run", body: workflow(), headers: [("Idempotency-Key", "again")],
        statuses: [202]),
      one("cancel", delayed(stack), [200]), one("pause", delayed(stack), [200]),
      one("resume", delayed(stack, then: "pause"), [200]), one("retry", delayed(stack, then: "cancel"), [202, 409]),
      one("rerun", ended, [202], body: ["from": "store"]),
      all("cancel"), all("pause"), all("resume"), all("retry"),
      Write(route: "PUT /workflow/schedules/{name}", path: "/workflow/schedules/new", body: schedule, statuses: [200]),
      Write(route: "DELETE /workflow/schedules/{name}", path: "/workflow/schedules/gone", statuses: [404]),
      Write(route: "DELETE /workflow/stores/{namespace}", path: "/workflow/stores/kept", statuses: [204, 404]),
      Write(
        route: "POST /workflow/callbacks/{callback_id}/retry",
        path: "/workflow/callbacks/\(refused(stack, hook))/retry",
        statuses: [202, 409]),
      Write(route: "POST /workflow/callbacks/retry", path: "/workflow/callbacks/retry", statuses: [202]),
      Write(
        route: "POST /workflow/workers/{id}/drain", path: "/workflow/workers/\(worker)/drain", statuses: [200]),
      Write(
        route: "DELETE /workflow/workers/{id}/drain", path: "/workflow/workers/\(worker)/drain", statuses: [200]),
    ]
  }

  private func send(_ write: Write, to stack: Stack) async throws -> HTTPResponse {
    let type = write.body == nil ? [] : [(name: "Content-Type", value: "application/json")]
    let method = write.route.split(separator: " ").first.map(String.init) ?? ""
    return try await stack.send(method, write.path, headers: write.headers + type, body: write.body?.bytes)
  }

  /// Has the worker take no runs, so that those which are run again are not ended by it.
  private func drain(_ stack: Stack, _ writes: [Write]) async throws {
    let drain = try #require(writes.first { $0.route.hasPrefix("POST") && $0.route.hasSuffix("/drain") })
    #expect(try await send(drain, to: stack).status == 200)
    _ = try await wait("a drained worker") {
      let workers = try await stack.send("GET", "/status/workers").json["workers"]?.arrayValue
      return workers?.first?.objectValue?["state"] == "drained" ? true : nil
    }
  }

  /// The routes that write, of the OpenAPI document. The page passes its form on to one of them; what logs in and out
  /// writes a cookie alone.
  private func routes(_ stack: Stack) async throws -> Set<String> {
    let document = try await stack.send("GET", "/workflow/openapi.json").json
    let all = (document["paths"]?.objectValue?.members ?? []).flatMap { path in
      (path.value.objectValue?.members ?? []).map { "\($0.key.uppercased()) \(path.key)" }
    }
    let others: Set<String> = ["POST /workflow", "POST /workflow/login", "POST /workflow/logout"]
    return Set(all.filter { !$0.hasPrefix("GET ") }).subtracting(others)
  }

  @Test
  func `While the only replica stands still, no request that writes is answered as done, however often it is sent`()
    async throws
  {
    let group = try await ReplicatedRedis.start(sentinels: 0)
    let receiver = try ModelServer()
    defer { receiver.close() }
    receiver.behaviour = .status(410)
    let hook = "http://127.0.0.1:\(receiver.port)/hook"
    let settings = CallbackReceiver.settings.merging(["WF_WAIT_REPLICAS": "1", "WF_LEASE_S": "2"]) { $1 }
    let url = "redis://127.0.0.1:\(group.port(of: 0))"
    try await Stack.with(.init(settings: settings, redisURL: url)) { stack in
      let writes = try await writes(stack, hook)
      let difference = try await routes(stack).symmetricDifference(writes.map(\.route))
      #expect(difference == [])
      try await drain(stack, writes)
      group.servers[1].pause()
      for write in writes {
        for attempt in 1...2 {
          let answer = try await send(write, to: stack)
          let text = String(decoding: answer.body, as: UTF8.self)
          #expect(answer.status == 503 && text.contains("REPLICAS"), "\(write.route), \(attempt): \(text)")
        }
      }
      group.servers[1].resume()
      for write in writes {
        let status = try await wait("an answer to \(write.route)") {
          let status = try await send(write, to: stack).status
          return status == 503 ? nil : status
        }
        #expect(write.statuses.contains(status), "\(write.route): \(status)")
      }
    }
  }
}
