import ExactJSON
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowAPI

/// The live workers, whether they take runs, and what they lack.
@Suite(.timeLimit(.minutes(5))) struct WorkersRouteTests {
  private let api: TestAPI

  init() throws { api = try TestAPI() }

  /// Lets a worker live that has operations.
  private func live(
    _ worker: String = "h-1-a", _ operations: [String] = ["note"], fields: Set<String> = WorkflowDefinition.newerFields,
    state: WorkerState = .working, runs: Int = 0
  ) async throws {
    let schemas = Dictionary(uniqueKeysWithValues: operations.map { ($0, ParameterSchema([.init("value", .any)])) })
    _ = try await api.partitions.all[0].announce(
      worker: worker, WorkerFacts(host: "h", processID: 1, version: "1.2", slots: 4),
      abilities: WorkerAbilities(operations: schemas, fields: fields).bytes, digest: nil, runs: runs, state: state,
      isDraining: state == .drained, uptime: .seconds(90), lease: .seconds(60))
    try await beat(worker)
  }

  private func beat(_ worker: String) async throws {
    for prefix in api.prefixes { try await api.send("ZADD", "\(prefix)workers", "9999999999999", worker) }
  }

  private func workers() async -> [JSONObject] {
    let answer = await api.answer("GET", "/status/workers")
    #expect(answer.status == 200)
    return (answer.json["workers"]?.arrayValue ?? []).compactMap(\.objectValue)
  }

  @Test func `Workers are listed by name with what they are and do`() async throws {
    #expect(await workers().isEmpty)
    try await live("h-2-b", runs: 3)
    try await live("h-1-a", ["shout", "note"])
    try await beat("older")
    let found = await workers()
    #expect(found.map { $0["id"]?.stringValue } == ["h-1-a", "h-2-b", "older"])
    #expect(found[0]["operations"] == ["note", "shout"] && found[1]["runs"] == 3 && found[1]["slots"] == 4)
    #expect(found[0]["host"] == "h" && found[0]["pid"] == 1 && found[0]["version"] == "1.2")
    #expect((90...150).contains(found[0]["age_s"]?.numberValue?.int ?? 0) && found[0]["state"] == "working")
    #expect(found[2]["version"] == .null && found[2]["state"] == .null)
  }

  @Test func `A thousand workers are listed, those with very many operations cut`() async throws {
    for number in 0..<1_000 { try await live("w\(number)") }
    try await live("x", (0..<150).map { "op\($0)" })
    let found = await workers()
    #expect(found.count == 1_001)
    #expect(found.last?["operations"]?.arrayValue?.count == 100 && found.last?["operations_omitted"] == 50)
  }

  @Test func `A worker is drained and taken back, as often as one likes`() async throws {
    try await live()
    for _ in 0..<2 {
      let drained = await api.answer("POST", "/workflow/workers/h-1-a/drain")
      #expect(drained.status == 200 && drained.json["state"] == "draining" && drained.json["id"] == "h-1-a")
    }
    #expect(await workers()[0]["state"] == "draining")
    for _ in 0..<2 {
      let back = await api.answer("DELETE", "/workflow/workers/%68%2D1-a/drain")
      #expect(back.status == 200 && back.json["state"] == "working")
    }
    let other = await api.answer("GET", "/workflow/workers/h-1-a/drain")
    #expect(other.status == 405 && other.header("Allow") == "POST, DELETE")
  }

  @Test(arguments: [
    "x", "*", "%2A", "h-1", "%00", "%", "%zz", "h-1-a%20", "..", "é", String(repeating: "x", count: 8_000),
  ])
  func `A made-up name is a 404`(_ name: String) async throws {
    try await live()
    for method in ["POST", "DELETE"] {
      let answer = await api.answer(method, "/workflow/workers/\(name)/drain")
      #expect(answer.status == 404 && answer.text.utf8.count < 400)
    }
    #expect(await workers()[0]["state"] == "working")
  }

  private func health() async -> (status: Int, facts: JSONObject, warnings: [String]) {
    let answer = await api.answer("GET", "/status/health")
    return (answer.status, answer.json, (answer.json["warnings"]?.arrayValue ?? []).compactMap(\.stringValue))
  }

  @Test func `Health names the operation that runs wait for, and how many`() async throws {
    try await live("h-1-a", ["shout", "note"])
    let body = #"{"run_name":"r","steps":[{"id":"a","op":"shout"}]}"#
    for _ in 0..<3 { #expect(await api.post(body).status == 202) }
    _ = try await api.submit()
    #expect(await health().facts["missing"] == nil)
    try await live("h-1-a", ["note"])
    let lacking = await health()
    #expect(lacking.status == 200 && lacking.facts["missing"] == [["operation": "shout", "runs": 3]])
    #expect(
      lacking.warnings == ["3 runs wait for the operation shout, which no live worker has: start a worker that has it"])
    // It does not say what it has.
    try await beat("older")
    #expect(await health().facts["missing"] == nil)
  }

  @Test func `Health names fields that no worker knows, and operations that none has together`() async throws {
    try await live("h-1-a", ["note"], fields: [])
    try await live("h-2-b", ["shout"], fields: [])
    let steps = [
      #"{"id":"a","op":"note","optional":true}"#, #"{"id":"a","op":"note"},{"id":"b","op":"shout"}"#,
    ]
    for step in steps { #expect(await api.post(#"{"run_name":"r","steps":[\#(step)]}"#).status == 202) }
    #expect(
      await health().facts["missing"] == [["operations": "note, shout", "runs": 1], ["field": "optional", "runs": 1]])
  }

  @Test func `A drained worker does not count as one that takes runs`() async throws {
    try await live("h-1-a", state: .drained)
    try await live("h-2-b", ["shout"])
    _ = try await api.submit()
    let one = await health()
    #expect(one.status == 200 && one.facts["workers"] == 1 && one.facts["drained"] == 1)
    #expect(one.facts["missing"] == [["operation": "note", "runs": 1]])
    try await live("h-2-b", state: .drained)
    let none = await health()
    #expect(none.status == 503 && none.facts["workers"] == 0 && none.facts["drained"] == 2)
    #expect(none.facts["detail"]?.stringValue?.contains("all 2 workers are drained") == true)
  }
}
