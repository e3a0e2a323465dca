import Dispatch
import ExactJSON
import Hiredis
import Logging
import RedisFixture
import Synchronization
import Workflow
import WorkflowStore

/// Longer than anything takes; only a failing test waits for it.
let patience = Duration.seconds(30)

/// A store on a real Redis, and eyes for what lies there.
struct Bench: Sendable {
  let server: RedisServer
  let prefix: String
  let store: RunStore
  private let redis: RedisConnection

  private static let count = Atomic(0)

  /// The class of runs that need nothing but `note`, and the keys where its runs wait.
  static let noteClass = "c51048b7"
  static let queue = "queue:2:\(noteClass):normal"
  static let suspects = "suspects:2:\(noteClass)"
  let classes = RunClasses(WorkflowDefinition.newerFields.union(["note"]))

  /// A store under a prefix that no other test has, on the common server.
  init(limits: RunStore.Limits = .init()) throws {
    let number = Bench.count.add(1, ordering: .relaxed).newValue
    try self.init(on: .shared, prefix: "t\(number):", limits: limits)
  }

  init(on server: RedisServer, prefix: String = "wf:", limits: RunStore.Limits = .init()) throws {
    self.server = server
    self.prefix = prefix
    redis = RedisConnection(try server.address(), name: "test", logger: .silent)
    store = RunStore(redis, keys: Keys(prefix: prefix), limits: limits, timeout: patience)
  }

  /// The same keys with other limits.
  func with(_ limits: RunStore.Limits) -> RunStore {
    RunStore(redis, keys: Keys(prefix: prefix), limits: limits, timeout: patience)
  }

  /// Sends a command as it is.
  @discardableResult
  func send(_ words: String...) async throws(RedisError) -> RedisReply {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    return try await send(arguments)
  }

  func send(_ command: RedisArguments) async throws(RedisError) -> RedisReply {
    try await redis.send(command, timeout: patience)
  }

  /// The heartbeat.
  func beat(_ runs: [ClaimedRun], worker: String = "w", lease: Duration = .seconds(15)) async throws -> [JobID] {
    try await beat(runs, worker: worker, settledClaim: 0, lease: lease).lost
  }

  func beat(
    _ runs: [ClaimedRun], worker: String = "w", ended: [HeldRun] = [], settledClaim: Int,
    lease: Duration = .seconds(15)
  ) async throws -> HeartbeatAnswer {
    let held = runs.map { HeldRun(id: $0.id, token: $0.token) }
    return try await withCheckedContinuation { continuation in
      store.heartbeat(worker: worker, runs: held, ended: ended, settledClaim: settledClaim, lease: lease) {
        continuation.resume(returning: $0)
      }
    }.get()
  }

  // MARK: Looking; every name without the prefix

  /// Redis's clock, in seconds since 1970.
  func now() async throws -> Double {
    let parts = try await send("TIME").array?.compactMap(\.int) ?? []
    return Double(parts[0]) + Double(parts[1]) / 1_000_000
  }

  /// Every key of this store, sorted, but for the one that says when workers looked for lapsed leases, and the one that
  /// counts what happens.
  func keys() async throws -> [String] {
    let names = try await send("KEYS", prefix + "*").array?.compactMap(\.string) ?? []
    return names.map { String($0.dropFirst(prefix.count)) }.filter { name in
      name != "recovery" && name != "metrics" && !Bench.isList(name)
    }.sorted()
  }

  /// Whether a key is one of the lists by which runs are found; those of an hour expire, the names of the hours stay.
  static func isList(_ key: String) -> Bool { key.hasPrefix("runs") || key.hasPrefix("ended") }

  func hash(_ key: String) async throws -> [String: String] {
    let words = try await send("HGETALL", prefix + key).array?.map { $0.string ?? "?" } ?? []
    return Dictionary(
      uniqueKeysWithValues: stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) })
  }

  /// The documents of a run: its steps and inputs, and what is recorded of it.
  func documents(_ id: JobID) async throws -> [String: String] {
    var documents = try await hash("outputs:\(id)")
    guard let text = try await text("docs:\(id)"),
      let count = Int(text.utf8.prefix(8).map { Character(UnicodeScalar($0)) }.reduce("") { "\($0)\($1)" })
    else { return documents }
    let rest = text.utf8.dropFirst(8)
    documents["steps"] = String(Substring(rest.prefix(count)))
    documents["inputs"] = String(Substring(rest.dropFirst(count)))
    return documents
  }

  /// What a run's job, its hold, and the memory of its earlier claims say of it.
  func state(_ id: JobID) async throws -> [String: String] {
    var state = try await hash("job:\(id)")
    let ending = state["end"]?.split(separator: " ").map(String.init) ?? []
    if ending.count == 2 { (state["token"], state["seq"]) = (ending[0], ending[1]) }
    add(["claims", "crashes", "silent", "last_ts", "bytes"], state["again"] ?? "", to: &state)
    let hold = try await send("HGET", prefix + "holds", id.description).string ?? ""
    add(["token", "seq", "staged", "begun", "crashes", "last_ts", "bytes", "class"], hold, to: &state)
    return state
  }

  private func add(_ names: [String], _ text: String, to state: inout [String: String]) {
    let words = text.split(separator: " ").map(String.init)
    if words.count == names.count { for (name, word) in zip(names, words) { state[name] = word } }
  }

  func list(_ key: String) async throws -> [String] {
    try await send("LRANGE", prefix + key, "0", "-1").array?.map { $0.string ?? "?" } ?? []
  }

  func text(_ key: String) async throws -> String? { try await send("GET", prefix + key).string }

  func type(_ key: String) async throws -> String? { try await send("TYPE", prefix + key).string }

  /// Seconds that a key has left; -1 when it stays, -2 when there is none.
  func ttl(_ key: String) async throws -> Int? { try await send("TTL", prefix + key).int }

  /// The end of a run's lease, in seconds since 1970; nil when nobody holds it.
  func leaseEnd(_ id: JobID) async throws -> Double? {
    try await send("ZSCORE", prefix + "leases", id.description).string.flatMap { Double($0) }.map { $0 / 1_000 }
  }

  /// A run's progress log without the times.
  func log(_ id: JobID) async throws -> [String] {
    try await list("progress:\(id)").map { entry in "{" + entry.drop { $0 != "," }.dropFirst() }
  }

  /// The times of a run's progress log, in microseconds since 1970.
  func times(_ id: JobID) async throws -> [Int] {
    try await list("progress:\(id)").map { entry in
      Int(entry.dropFirst(#"{"ts":"#.count).prefix { $0 != "," }.filter { $0 != "." }) ?? -1
    }
  }

  /// All that the store holds, byte by byte and with the times of expiry; equal when nothing was written between.
  func snapshot() async throws -> [String: [UInt8]] {
    var values: [String: [UInt8]] = [:]
    for key in try await self.keys() {
      // The order of a hash's fields, which a dump shows, may change by itself.
      if try await type(key) == "hash" {
        values[key] = try await hash(key).sorted { $0.key < $1.key }.flatMap { Array("\($0)\($1)".utf8) }
      } else {
        values[key] = try await send("DUMP", prefix + key).bytesValue
      }
      values[key]?.append(contentsOf: "\(try await send("PEXPIRETIME", prefix + key))".utf8)
    }
    return values
  }

  /// How many runs are queued, how many started, and how many workers live.
  func health() async throws -> [Int] {
    let health = try await store.health()
    return [health.queued, health.started, health.workers]
  }
}
