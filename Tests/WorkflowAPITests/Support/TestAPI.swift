import AccessKeys
import ExactJSON
import FastCGI
import Hiredis
import Logging
import RedisFixture
import Synchronization
import Testing
import Workflow

@testable import WorkflowAPI
@testable import WorkflowStore

/// An API on a real Redis, called without a web server.
struct TestAPI: Sendable {
  let partitions: Partitions
  private let redis: RedisServer
  private let connection: RedisConnection
  private let server: APIServer

  private static let note = ParameterSchema([.init("value", .any)])

  /// Every route.
  var routes: [any Route] { server.routes }
  private let classes = RunClasses(["note"])

  private static let count = Atomic(0)

  /// An API whose keys have a prefix that no other test uses.
  /// - Parameter second: a server with the odd ones of four partitions; nil for all on the first.
  init(
    on redis: RedisServer = .shared, and second: RedisServer? = nil, timeout: Duration = .seconds(30),
    warnings: [String] = [],
    allowsAnonymous: Bool = false, keys: KeyRing? = nil,
    mayScrape: @escaping @Sendable (String) -> Bool = { _ in false },
    operations: [String: ParameterSchema] = ["note": Self.note]
  ) throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let address = try redis.address()
    self.redis = redis
    let prefix = "api\(Self.count.add(1, ordering: .relaxed).newValue):"
    connection = RedisConnection(address, name: "test", logger: logger)
    let names = Keys(prefix: prefix)
    if let second {
      let connections = [connection, RedisConnection(try second.address(), name: "test", logger: logger)]
      let stores = Partitions.keys(names, count: 4).enumerated().map { number, keys in
        RunStore(connections[number % 2], keys: keys, timeout: timeout, partition: number)
      }
      partitions = Partitions(stores, keys: names, on: connections[1], isSpread: true)
    } else {
      partitions = Partitions(connection, keys: names, count: TestPartitions.count, timeout: timeout)
    }
    server = APIServer(
      listener: .unix(path: "/nowhere"), configuration: .init(),
      definitions: DefinitionReader(operations: operations),
      partitions: partitions, documents: partitions,
      events: RunEvents(address, partitions: partitions, logger: logger), warnings: { warnings },
      allowsAnonymous: allowsAnonymous, keys: keys, siteURL: "https://wf.example.org",
      mayScrape: mayScrape, logger: logger)
  }

  /// Answers a request that comes over a unix socket, unless the parameters say otherwise.
  func answer(
    _ method: String, _ target: String, headers: KeyValuePairs<String, String> = [:],
    parameters: KeyValuePairs<String, String> = ["REMOTE_ADDR": "unix:"], body: FastCGIBody = .complete([])
  ) async -> Answer {
    Answer(
      await server.answer(
        FastCGIRequest(method: method, target: target, headers: headers, parameters: parameters, body: body)))
  }

  /// Posts a body as JSON.
  func post(_ body: String, headers: KeyValuePairs<String, String> = ["Content-Type": "application/json"]) async
    -> Answer
  {
    await answer("POST", "/workflow/run", headers: headers, body: .complete(Array(body.utf8)))
  }

  /// Submits a run of one step.
  func submit() async throws -> JobID {
    try #require(await post(Self.body).json["job_id"]?.stringValue.flatMap { JobID($0) })
  }

  /// A run of one step.
  static let body = #"{"run_name":"r","inputs":{"text":"a"},"steps":[{"id":"a","op":"note","params":{"value":1}}]}"#

  /// What the keys of each partition start with.
  var prefixes: [String] { partitions.all.map(\.keys.prefix) }

  /// Claims the only queued run, by a worker of that name.
  func claim(_ claim: String = "claim") async throws -> ClaimedRun {
    let request = ClaimRequest(
      id: claim, worker: claim, runs: 10, lease: .seconds(60), classes: classes)
    for store in partitions.all {
      if let run = try await store.claim(request).runs.first { return run }
    }
    throw StoreError.damaged("no run is queued")
  }

  /// Records the first batch of a run.
  func record(_ run: ClaimedRun, _ fill: (inout CheckpointBatch) -> Void) async throws {
    var batch = CheckpointBatch(beginning: run, clock: partitions.store(of: run.id).clock)
    fill(&batch)
    let pending = PendingBatch(batch, of: HeldRun(id: run.id, token: run.token), sequence: 1)
    _ = try await partitions.store(of: run.id).record([pending])
  }

  /// Claims the only queued run and ends it.
  func finish() async throws {
    try await record(try await claim()) { batch in
      batch.checkpoint(step: "a", outputs: Array(#"{"value":1}"#.utf8), inLog: true)
      batch.log(.finished)
      batch.end = .finished(RunResult(runName: "r", done: ["a"], stores: []))
    }
  }

  /// Sends a command to Redis.
  func send(_ words: String...) async throws {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    _ = try await connection.send(arguments, timeout: .seconds(30))
  }
}

/// A response, as a client sees it.
struct Answer: Sendable {
  let response: FastCGIResponse

  init(_ response: FastCGIResponse) { self.response = response }

  var status: Int { response.status }

  func header(_ name: String) -> String? { response.headers.first { $0.name == name }?.value }

  var text: String {
    switch response.body {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .pieces(let pieces): String(decoding: pieces.joined(), as: UTF8.self)
    case .stream: "(stream)"
    }
  }

  var json: JSONObject { (try? JSONValue(parsing: text))?.objectValue ?? JSONObject() }

  /// The faults of a 422, each as `type at body.steps.0.id`.
  var faults: [String] {
    (json["detail"]?.arrayValue ?? []).compactMap(\.objectValue).map { fault in
      let place = (fault["loc"]?.arrayValue ?? []).map { $0.stringValue ?? $0.text }
      return "\(fault["type"]?.stringValue ?? "") at \(place.joined(separator: "."))"
    }
  }
}
