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

  /// The progress log of a job.
  public func progress(of id: String) async throws -> [JSONObject] {
    let entries = try await command("LRANGE", "wf:progress:\(id)", "0", "-1").array ?? []
    return try entries.map { try JSONValue(parsing: $0.bytesValue ?? []).objectValue ?? JSONObject() }
  }
}
