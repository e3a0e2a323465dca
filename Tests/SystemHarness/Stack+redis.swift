public import ExactJSON
import Hiredis

/// What lies in Redis.
extension Stack {
  /// The keys that match a pattern.
  public func keys(_ pattern: String) async throws -> [String] {
    var cursor = "0"
    var found = Set<String>()
    repeat {
      let reply = try await command("SCAN", cursor, "MATCH", pattern, "COUNT", "1000").array ?? []
      cursor = reply.first?.string ?? "0"
      found.formUnion(reply.last?.array?.compactMap(\.string) ?? [])
    } while cursor != "0"
    return Array(found)
  }

  /// The ids of the runs that wait in a queue or among the suspects.
  public func queuedRuns() async throws -> [String] {
    let lists = try await keys("wf:queue:*") + keys("wf:suspects:*")
    return try await concurrently(lists) {
      try await command("LRANGE", $0, "0", "-1").array?.compactMap(\.string) ?? []
    }
    .flatMap { $0 }
  }

  /// The worker that holds a run; nil when none does.
  public func worker(of id: String) async throws -> String? {
    try await command("HGET", "wf:holds", id).string.flatMap(Stack.worker)
  }

  /// The worker in a hold, whose token is a number and the claim's id, as `1-host-7-ab12/3`.
  public static func worker(inHold hold: String) -> String? {
    hold.split(separator: " ").first?.drop { $0 != "-" }.dropFirst().split(separator: "/").first.map(String.init)
  }

  /// The progress log of a job.
  public func progress(of id: String) async throws -> [JSONObject] {
    let entries = try await command("LRANGE", "wf:progress:\(id)", "0", "-1").array ?? []
    return try entries.map { try JSONValue(parsing: $0.bytesValue ?? []).objectValue ?? JSONObject() }
  }
}
