public import ExactJSON
import Hiredis
import WorkflowStore

/// What lies in Redis.
extension Stack {
  /// What the keys of each partition start with.
  public var prefixes: [String] { partitions.all.map(\.keys.prefix) }

  /// A key of the partition that holds a run.
  public func key(_ name: String, ofPartition id: String) -> String {
    (JobID(id).map { partitions.store(of: $0) } ?? partitions.all[0]).keys.prefix + name
  }

  /// What the keys of the partition that holds a schedule start with.
  public func prefix(ofSchedule name: String) -> String { partitions.store(ofSchedule: name).keys.prefix }

  /// A key of a run, such as its `job`.
  public func key(_ kind: String, _ id: String) -> String { key("\(kind):\(id)", ofPartition: id) }

  /// The keys of all partitions that match a pattern.
  /// - Parameter pattern: without the prefix.
  public func keys(_ pattern: String) async throws -> [String] {
    try await concurrently(prefixes) { try await scan($0 + pattern) }.flatMap { $0 }
  }

  func scan(_ pattern: String) async throws -> [String] {
    var cursor = "0"
    var found = Set<String>()
    repeat {
      var arguments: RedisArguments = ["SCAN"]
      for word in [cursor, "MATCH", pattern, "COUNT", "1000"] { arguments.append(word) }
      // In a cluster at the node of the prefix.
      let reply = try await redis.routed(to: pattern).send(arguments, timeout: .seconds(20)).array ?? []
      cursor = reply.first?.string ?? "0"
      found.formUnion(reply.last?.array?.compactMap(\.string) ?? [])
    } while cursor != "0"
    return Array(found)
  }

  /// What a command such as `LLEN` answers of a key in all partitions together.
  /// - Parameter name: the key without the prefix.
  public func total(_ command: String, _ name: String) async throws -> Int {
    try await concurrently(prefixes) { try await self.command(command, $0 + name).int ?? 0 }.reduce(0, +)
  }

  /// The elements of a list in all partitions.
  public func list(_ name: String) async throws -> [String] {
    try await concurrently(prefixes) {
      try await command("LRANGE", $0 + name, "0", "-1").array?.compactMap(\.string) ?? []
    }.flatMap { $0 }
  }

  /// The ids of the runs that workers hold.
  public func startedRuns(within limit: Duration = .seconds(20)) async throws -> [String] {
    try await members(of: "leases", within: limit)
  }

  /// The ids of the runs that have not ended.
  public func liveRuns(within limit: Duration = .seconds(20)) async throws -> Set<String> {
    try await Set(members(of: "live", within: limit))
  }

  /// The members of a sorted set in all partitions.
  private func members(of name: String, within limit: Duration) async throws -> [String] {
    try await concurrently(prefixes) { prefix in
      var arguments: RedisArguments = ["ZRANGE"]
      for word in [prefix + name, "0", "-1"] { arguments.append(word) }
      return try await redis.routed(to: prefix).send(arguments, timeout: limit).array?.compactMap(\.string) ?? []
    }.flatMap { $0 }
  }

  /// Waits until every run has ended, those included that were accepted although their clients were told of a failure.
  public func waitForAllEnds(within limit: Duration = .seconds(60)) async throws {
    _ = try await wait("the end of all runs", within: limit) { try await total("ZCARD", "live") == 0 ? true : nil }
  }

  /// The ids of the runs that wait in a queue or among the suspects.
  public func queuedRuns() async throws -> [String] {
    let lists = try await keys("queue:*") + keys("suspects:*")
    return try await concurrently(lists) {
      try await command("LRANGE", $0, "0", "-1").array?.compactMap(\.string) ?? []
    }
    .flatMap { $0 }
  }

  /// The worker that holds a run; nil when none does.
  public func worker(of id: String) async throws -> String? {
    try await command("HGET", key("holds", ofPartition: id), id).string.flatMap(Stack.worker)
  }

  /// The worker in a hold, whose token is a number and the claim's id, as `1-host-7-ab12/3`.
  public static func worker(inHold hold: String) -> String? {
    hold.split(separator: " ").first?.drop { $0 != "-" }.dropFirst().split(separator: "/").first.map(String.init)
  }

  /// The progress log of a job.
  public func progress(of id: String) async throws -> [JSONObject] {
    let entries = try await command("LRANGE", key("progress", id), "0", "-1").array ?? []
    return try entries.map { try JSONValue(parsing: $0.bytesValue ?? []).objectValue ?? JSONObject() }
  }
}
