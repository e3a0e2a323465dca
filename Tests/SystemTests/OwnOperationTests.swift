import Curl
import ExactJSON
import Glibc
import SystemHarness
import Synchronization
import Testing

/// The example of the page OwnOperations, built as `our-wf`.
@Suite(.timeLimit(.minutes(3))) struct OwnOperationTests {
  private static func run(_ params: String) -> String {
    #"{"run_name":"loud","inputs":{"text":"quiet"},"steps":[{"id":"a","op":"shout","params":\#(params)}]}"#
  }

  /// Waits until a worker with the operation is alive.
  private func ownWorker(_ stack: Stack) async throws -> String {
    try await wait("a worker that shouts") {
      let workers = try await stack.send("GET", "/status/workers").json["workers"]?.arrayValue ?? []
      return workers.compactMap(\.objectValue).first { $0["operations"]?.arrayValue?.contains("shout") == true }?["id"]?
        .stringValue
    }
  }

  private func submit(_ stack: Stack) async throws -> String {
    let answer = try await stack.post(Self.run("{}"))
    #expect(answer.status == 202)
    return try #require(try answer.json["job_id"]?.stringValue)
  }

  @Test func `A plain API accepts and checks what another program's worker has, and only that worker runs it`()
    async throws
  {
    try await Stack.with(.init(workers: 2)) { stack in
      #expect(try await stack.post(Self.run("{}")).status == 422)
      try await stack.withOwnWorker {
        _ = try await ownWorker(stack)
        let faulty = try await stack.post(Self.run(#"{"text":1,"loud":true}"#))
        #expect(faulty.status == 422)
        let faults = try faulty.json["detail"]?.arrayValue?.compactMap { $0.objectValue?["type"]?.stringValue } ?? []
        #expect(faults == ["string_type", "extra_forbidden"])
        var ids: [String] = []
        for _ in 0..<20 { ids.append(try await submit(stack)) }
        for id in ids {
          let status = try await stack.end(of: id)
          #expect(status.at("result", "outputs", "a", "text") == "QUIET")
        }
        #expect(try await Audit(stack).problems(of: ids) == [])
      }
    }
  }

  @Test func `Without its worker a run stays queued, health and doctor name the operation, and it is run later`()
    async throws
  {
    let settings = ["WF_LEASE_S": "1"]
    try await Stack.with(.init(settings: settings)) { stack in
      let ids = try await queued(2, stack, settings)
      _ = try await wait("the end of the other workers") {
        try await stack.send("GET", "/status/workers").json["workers"]?.arrayValue?.count == 1 ? true : nil
      }
      let health = try await stack.send("GET", "/status/health")
      #expect(health.status == 200)
      #expect(try health.json["missing"] == [["operation": "shout", "runs": 2]])
      let doctor = try await wf("doctor", settings: ["WF_URL": stack.url])
      #expect(doctor.output.contains("2 queued runs: no live worker has the operation shout"))
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      for id in ids { #expect(try await stack.status(id)["status"] == "queued") }
      try await stack.withOwnWorker(settings: settings) {
        for id in ids {
          let status = try await stack.end(of: id)
          #expect(status.at("result", "outputs", "a", "text") == "QUIET")
        }
      }
    }
  }

  /// Submits runs while the only worker for them is drained, and kills that worker.
  private func queued(_ count: Int, _ stack: Stack, _ settings: [String: String]) async throws -> [String] {
    let made = Mutex<[String]>([])
    try await stack.withOwnWorker(settings: settings) {
      let worker = try await ownWorker(stack)
      #expect(try await wf("drain", worker, "--wait", settings: ["WF_URL": stack.url]).code == 0)
      for _ in 0..<count {
        let id = try await submit(stack)
        made.withLock { $0.append(id) }
      }
      let missing = try await stack.send("GET", "/status/health").json["missing"]
      #expect(missing == [["operation": "shout", "runs": .number(JSONNumber(count))]])
    }
    return made.withLock { $0 }
  }

  @Test func `A program with an operation of its own runs a workflow that needs it`() async throws {
    // `wf dev` puts the program that runs it on the path of its command, as `wf`.
    try await withFolder { folder in
      let body = #"{"run_name":"loud","inputs":{"text":"quiet"},"steps":[{"id":"a","op":"shout"}]}"#
      try write(body, to: "\(folder)/loud.json")
      let outcome = try await wf(["dev", "--", "wf", "run", "loud.json"], in: folder, program: Stack.ownProgram)
      #expect(outcome.code == 0, "\(outcome.error)")
      #expect(outcome.output.contains("QUIET"))
      let refused = try await wf(["dev", "--", "wf", "run", "loud.json"], in: folder)
      #expect(refused.code == 65)
    }
  }

  private func write(_ text: String, to path: String) throws {
    let file = try #require(fopen(path, "w"))
    fputs(text, file)
    fclose(file)
  }
}
