import ExactJSON
import FastCGI
import Logging
import RedisFixture
import Synchronization
import Testing
import Workflow

@testable import WorkflowAPI
@testable import WorkflowStore

/// The operations that live workers announce.
@Suite(.timeLimit(.minutes(5))) struct CatalogTests {
  private let api: TestAPI

  init() throws { api = try TestAPI() }

  private static let shout = ParameterSchema(
    [.init(required: "text", .string(maxScalars: 5)), .init("loud", .integer(1...3), default: 2, setting: "WF_LOUD")],
    rules: [])

  /// Lets a worker live that announces operations.
  private func announce(_ operations: [String: ParameterSchema], as worker: String = "w") async throws {
    try await announce(WorkerAbilities(operations: operations).bytes, as: worker)
  }

  private func announce(_ abilities: [UInt8], as worker: String = "w") async throws {
    let store = api.partitions.all[0]
    _ = try await store.announce(
      worker: worker, WorkerFacts(host: "h", processID: 1, version: "1", slots: 4), abilities: abilities, digest: nil,
      runs: 0, state: .working, isDraining: false, uptime: .zero, lease: .seconds(60))
    for prefix in api.prefixes { try await api.send("ZADD", "\(prefix)workers", "9999999999999", worker) }
  }

  private func post(_ steps: String) async -> Answer {
    await api.post(#"{"run_name":"r","inputs":{"text":"a"},"steps":[\#(steps)]}"#)
  }

  @Test func `An operation that only a worker has is accepted, from the first request on`() async throws {
    let before = await post(#"{"id":"a","op":"shout","params":{"text":"hi"}}"#)
    #expect(before.faults == ["literal_error at body.steps.0.op"])
    try await announce(["shout": Self.shout])
    #expect(await post(#"{"id":"a","op":"shout","params":{"text":"hi"}}"#).status == 202)
    let run = try await claimSteps()
    #expect(run.contains(#""loud":2"#))
  }

  /// The documents of the only queued run.
  private func claimSteps() async throws -> String {
    for store in api.partitions.all {
      let classes = RunClasses(["shout"])
      let request = ClaimRequest(id: "c/1", worker: "c", runs: 1, lease: .seconds(60), classes: classes)
      if let run = try await store.claim(request).runs.first {
        return run.definition.steps.map { JSONValue.object($0.params).text }.joined()
      }
    }
    return ""
  }

  @Test(arguments: [
    (#"{"id":"a","op":"shout"}"#, "missing at body.steps.0.params.text"),
    (#"{"id":"a","op":"shout","params":{"text":7}}"#, "string_type at body.steps.0.params.text"),
    (#"{"id":"a","op":"shout","params":{"text":"123456"}}"#, "string_too_long at body.steps.0.params.text"),
    (#"{"id":"a","op":"shout","params":{"text":"","x":1}}"#, "extra_forbidden at body.steps.0.params.x"),
    (#"{"id":"a","op":"shout","params":{"text":"@"}}"#, "value_error at body.steps.0.params.text"),
    (#"{"id":"a","op":"shout","params":{"text":"{{"}}"#, "value_error at body.steps.0.params.text"),
    (#"{"id":"a","op":"shout","params":{"text":"@b.c"}}"#, "value_error at body.steps.0.params.text"),
    (#"{"id":"a","op":"shout","params":{"text":"@inputs.none"}}"#, "value_error at body.steps.0.params.text"),
  ])
  func `Its params are checked as those of the API's own operations`(_ step: String, _ fault: String) async throws {
    try await announce(["shout": Self.shout])
    let answer = await post(step)
    #expect(answer.status == 422 && answer.faults == [fault])
    let own = try TestAPI(operations: ["shout": Self.shout])
    #expect(await own.post(#"{"run_name":"r","inputs":{"text":"a"},"steps":[\#(step)]}"#).text == answer.text)
    for good in ["@inputs.text", "@@", "{{inputs.text}}"] {
      #expect(await post(#"{"id":"a","op":"shout","params":{"text":"\#(good)"}}"#).status == 202)
    }
    let loud = await post(#"{"id":"a","op":"shout","params":{"text":"","loud":9}}"#)
    #expect(loud.text.contains("WF_LOUD"))
  }

  @Test func `Params are good if the API's schema or that of a worker takes them`() async throws {
    try await announce(["note": ParameterSchema([.init("newer", .boolean)])])
    _ = await api.answer("GET", "/workflow/ops")
    #expect(await post(#"{"id":"a","op":"note","params":{"value":1}}"#).status == 202)
    #expect(await post(#"{"id":"a","op":"note","params":{"newer":true}}"#).status == 202)
    let refused = await post(#"{"id":"a","op":"note","params":{"newer":true,"value":1}}"#)
    #expect(refused.faults == ["extra_forbidden at body.steps.0.params.newer"])
    let listed = try #require(
      await api.answer("GET", "/workflow/ops").json["operations"]?.arrayValue?.first?.objectValue)
    #expect(listed["workers"] == 1 && listed["in_api"] == true && listed["variants"]?.arrayValue?.count == 2)
  }

  @Test func `The list and the OpenAPI document have what workers announce`() async throws {
    let tag = await api.answer("GET", "/workflow/openapi.json").header("ETag")
    try await announce(["shout": Self.shout], as: "one")
    try await announce(["shout": Self.shout, "note": ParameterSchema([.init("value", .any)])], as: "two")
    let operations = await api.answer("GET", "/workflow/ops").json["operations"]?.arrayValue ?? []
    let found = operations.compactMap(\.objectValue)
    #expect(found.map { $0["op"]?.stringValue } == ["note", "shout"])
    #expect(found.map { $0["workers"] } == [1, 2] && found.map { $0["in_api"] } == [true, false])
    #expect(found[1]["params"] == .object(Self.shout.schema) && found[1]["variants"] == nil)
    let document = await api.answer("GET", "/workflow/openapi.json")
    #expect(document.header("ETag") != tag && document.text.contains(#""Params.shout""#))
    try await api.send("DEL", "\(api.prefixes[0])workers")
    #expect(await api.answer("GET", "/workflow/ops").json["operations"]?.arrayValue?.count == 1)
    #expect(await api.answer("GET", "/workflow/openapi.json").header("ETag") == tag)
  }

  @Test func `A schedule may name an operation that only a worker has`() async throws {
    let body = #"{"every_s":60,"run":{"run_name":"r","steps":[{"id":"a","op":"shout","params":{"text":"hi"}}]}}"#
    func put() async -> Answer {
      await api.answer(
        "PUT", "/workflow/schedules/s", headers: ["Content-Type": "application/json"],
        body: .complete(Array(body.utf8)))
    }
    #expect(await put().faults == ["literal_error at body.run.steps.0.op"])
    try await announce(["shout": Self.shout])
    #expect(await put().status == 201)
  }

  @Test(arguments: [
    "", "{", "[1]", #"{"operations":{"shout":1},"fields":[]}"#, #"{"operations":7,"fields":[]}"#,
    String(repeating: "[", count: 10_000), String(repeating: "x", count: 1 << 20),
  ])
  func `What cannot be read is ignored with a line in the log, and the rest counts`(_ text: String) async throws {
    let log = LogLines()
    let catalog = OperationCatalog(
      DefinitionReader(operations: [:]), partitions: api.partitions, logger: Logger(label: "t") { _ in log })
    try await announce(Array(text.utf8), as: "bad")
    try await announce(["shout": Self.shout], as: "good")
    for _ in 0..<3 { try await catalog.look() }
    #expect(log.lines.count == (text.isEmpty ? 0 : 1))
    #expect(try await catalog.look().workers.count == 2)
    let (_, version) = catalog.current
    #expect(version == 1)
    #expect(await post(#"{"id":"a","op":"shout","params":{"text":"hi"}}"#).status == 202)
  }

  @Test func `A thousand workers with as many lists are read in bounds`() async throws {
    for number in 0..<1_000 {
      try await announce(["op\(number)": ParameterSchema([])], as: "w\(number)")
    }
    let listed = await api.answer("GET", "/workflow/ops")
    #expect(listed.json["operations"]?.arrayValue?.count == 33)
    let refused = await post(#"{"id":"a","op":"none"}"#)
    #expect(refused.status == 422 && refused.text.utf8.count < 4_096)
  }

  @Test func `A flood of unknown names shares its looks`() async throws {
    let alone = try TestAPI(on: RedisServer())
    let catalog = OperationCatalog(
      DefinitionReader(operations: [:]), partitions: alone.partitions,
      logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
    func calls() async throws -> Int {
      let facts = try await alone.partitions.all[0].info(["commandstats"])
      return facts["cmdstat_evalsha"]?.split(separator: ",").first?.split(separator: "=").last.flatMap { Int($0) } ?? 0
    }
    let before = try await calls()
    await withTaskGroup { group in
      for _ in 0..<1_000 { group.addTask { _ = try? await catalog.look() } }
    }
    #expect((1..<100).contains(try await calls() - before))
  }

  @Test func `While Redis is away an unknown name is no fault of the client`() async throws {
    let away = try TestAPI(on: RedisServer(isRunning: false), timeout: .milliseconds(100))
    #expect(await away.post(#"{"run_name":"r","steps":[{"id":"a","op":"shout"}]}"#).status == 503)
    #expect(await away.post(#"{"run_name":"r","steps":[{"id":"","op":"shout"}]}"#).status == 422)
    #expect(await away.answer("GET", "/workflow/ops").status == 503)
  }
}

/// Keeps what is logged as a warning.
private final class LogLines: LogHandler, Sendable {
  private let kept = Mutex<[String]>([])
  var lines: [String] { kept.withLock { $0 } }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .warning }
    set {}
  }
  subscript(metadataKey _: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) { kept.withLock { $0.append("\(event.message)") } }
}
