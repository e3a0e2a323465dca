import ExactJSON
import Hiredis

/// Holds what lies in Redis, after all is over, against the invariants of the contract.
public struct Audit: Sendable {
  private let stack: Stack

  /// An audit of a stack.
  public init(_ stack: Stack) { self.stack = stack }

  /// Everything that is not as it should be: of these runs, and of the keys as a whole. A sentence each.
  public func problems(of ids: [String]) async throws -> [String] {
    let stored = try await storedSteps()
    var problems = stored.duplicates
    for id in ids { problems += try await self.problems(of: id, stored.steps).map { "run \(id): \($0)" } }
    return try await problems + leftovers()
  }

  // MARK: One run

  private func problems(of id: String, _ stored: Set<String>) async throws -> [String] {
    let status = try await stack.command("HGET", "wf:job:\(id)", "status").string ?? "none"
    guard ["finished", "failed"].contains(status) else { return ["its status is \(status)"] }
    let log = try await progress(of: id)
    var problems = logProblems(log, status)
    let result = try await stack.command("GET", "wf:result:\(id)").bytesValue
    if (result != nil) != (status == "finished") { problems.append("it is \(status); a result: \(result != nil)") }
    if let result { problems += try resultProblems(id, result, log, stored) }
    for kind in ["job", "progress"] + (result == nil ? [] : ["result"]) {
      let left = try await stack.command("TTL", "wf:\(kind):\(id)").int ?? -3
      if left < 0 { problems.append("its \(kind) does not expire (\(left))") }
    }
    return problems
  }

  private func progress(of id: String) async throws -> [JSONObject] {
    let entries = try await stack.command("LRANGE", "wf:progress:\(id)", "0", "-1").array ?? []
    return try entries.map { try JSONValue(parsing: $0.bytesValue ?? []).objectValue ?? JSONObject() }
  }

  /// One end, and it is the last entry; no step begins after its outputs are recorded; time does not go back.
  private func logProblems(_ log: [JSONObject], _ status: String) -> [String] {
    var problems: [String] = []
    let messages = log.map { $0["msg"]?.stringValue ?? "?" }
    if messages.first != "enqueued" || messages.count(where: { $0 == "enqueued" }) != 1 {
      problems.append("it was not enqueued once")
    }
    if messages.last != status || messages.count(where: { ["finished", "failed"].contains($0) }) != 1 {
      problems.append("it did not end once: \(messages)")
    }
    var done = Set<String>()
    for (message, entry) in zip(messages, log) {
      guard let step = entry["step"]?.stringValue else { continue }
      if done.contains(step) { problems.append("\(message) of \(step) after its outputs were recorded") }
      if message == "step_done" { done.insert(step) }
    }
    let times = log.compactMap { $0["ts"]?.numberValue?.double }
    if times.count != log.count || times != times.sorted() { problems.append("its times go back") }
    return problems
  }

  /// Every step is in the outputs, and every stored value in the public store.
  private func resultProblems(
    _ id: String, _ bytes: [UInt8], _ log: [JSONObject], _ stored: Set<String>
  ) throws -> [String] {
    let result = try JSONValue(parsing: bytes, maximumDepth: JSONValue.permittedDepths.upperBound).objectValue
    let outputs = result?["outputs"]?.objectValue ?? JSONObject()
    var problems: [String] = []
    for entry in log where entry["msg"] == "step_done" {
      let step = entry["step"]?.stringValue ?? "?"
      if outputs[step] != entry["outputs"] { problems.append("the outputs of \(step) differ in log and result") }
      let isStore = outputs[step]?.objectValue?["stored_under"] != nil
      if isStore && !stored.contains("\(id)/\(step)") { problems.append("what \(step) stored is not in its store") }
    }
    let values = result?["stores"]?.objectValue?.members.reduce(0) { $0 + ($1.value.arrayValue?.count ?? 0) }
    let steps = outputs.members.count { $0.value.objectValue?["stored_under"] != nil }
    if values != steps { problems.append("\(steps) steps stored \(values ?? 0) values") }
    return problems
  }

  // MARK: The keys

  /// What the public stores hold, as `job/step`.
  private func storedSteps() async throws -> (steps: Set<String>, duplicates: [String]) {
    var steps = Set<String>()
    var duplicates: [String] = []
    for key in try await keys("wf:store:*") {
      for item in try await stack.command("LRANGE", key, "0", "-1").array ?? [] {
        let entry = try JSONValue(parsing: item.bytesValue ?? []).objectValue
        let name = "\(entry?["job_id"]?.stringValue ?? "?")/\(entry?["step"]?.stringValue ?? "?")"
        if !steps.insert(name).inserted { duplicates.append("\(name) is twice in \(key)") }
      }
    }
    return (steps, duplicates)
  }

  /// No run is owned by anything, and what stays for good is known by name.
  private func leftovers() async throws -> [String] {
    var problems: [String] = []
    for key in try await keys("wf:*") {
      if ["wf:workers", "wf:repairs"].contains(key) { continue }
      if ["wf:leases", "wf:queue:1", "wf:suspects:1"].contains(key) {
        problems.append("\(key) is not empty")
      } else if try await stack.command("TTL", key) == .integer(-1) {
        problems.append("\(key) does not expire")
      }
    }
    return problems
  }

  private func keys(_ pattern: String) async throws -> [String] {
    var cursor = "0"
    var found: [String] = []
    repeat {
      let reply = try await stack.command("SCAN", cursor, "MATCH", pattern, "COUNT", "1000").array ?? []
      cursor = reply.first?.string ?? "0"
      found += reply.last?.array?.compactMap(\.string) ?? []
    } while cursor != "0"
    return found
  }
}
