import ExactJSON
import Hiredis

/// Holds what lies in Redis, after all is over, against the invariants of the contract.
public struct Audit: Sendable {
  let stack: Stack

  /// An audit of a stack.
  public init(_ stack: Stack) { self.stack = stack }

  /// Something that is not as it should be.
  public struct Problem: Sendable, Equatable, CustomStringConvertible {
    /// What it means for who relies on wf.
    public enum Kind: Sendable {
      /// A run, or something that it brought forth, is not there.
      case lost
      /// Something was done or written a second time.
      case duplicated
      /// What is there is not as the contract has it.
      case damaged
      /// Something of a generation was written after it was cancelled.
      case afterCancel
    }

    /// What it means.
    public let kind: Kind
    /// A sentence.
    public let description: String

    /// A problem, in a sentence.
    public init(_ kind: Kind, _ description: String) {
      self.kind = kind
      self.description = description
    }
  }

  /// Everything that is not as it should be: of these runs, and of the keys as a whole.
  public func problems(of ids: [String]) async throws -> [Problem] {
    let stored = try await PublicStores(stack)
    let runs = try await concurrently(ids) { id in
      do {
        return try await problems(of: id, stored).map { Problem($0.kind, "run \(id): \($0)") }
      } catch {
        return [Problem(.damaged, "run \(id) cannot be read: \(error)")]
      }
    }
    return try await runs.flatMap { $0 } + leftovers()
  }

  // MARK: One run

  private func problems(of id: String, _ stored: PublicStores) async throws -> [Problem] {
    let status = try await stack.command("HGET", stack.key("job", id), "status").string ?? "none"
    guard ["finished", "failed", "cancelled"].contains(status) else {
      return [Problem(.lost, "its status is \(status); \(try await remains(of: id))")]
    }
    let log = try await stack.progress(of: id)
    var problems = logProblems(log, status) + stored.problems(of: id, log)
    problems += try await generationProblems(id, log)
    let result = try await stack.command("GET", stack.key("result", id)).bytesValue
    if status == "finished" && result == nil { problems.append(Problem(.lost, "it has no result")) }
    if status != "finished" && result != nil {
      problems.append(Problem(status == "cancelled" ? .afterCancel : .damaged, "it has a result and is \(status)"))
    }
    if status != "finished" { problems += try await outputProblems(id, log, status) }
    if let result { problems += try resultProblems(result, log) }
    for kind in ["job", "progress"] + (result == nil ? [] : ["result"]) {
      let left = try await stack.command("TTL", stack.key(kind, id)).int ?? -3
      if left < 0 { problems.append(Problem(.damaged, "its \(kind) does not expire (\(left))")) }
    }
    return problems
  }

  /// What Redis knows of a run that has not ended.
  private func remains(of id: String) async throws -> String {
    let job = try await stack.command("HGETALL", stack.key("job", id)).array?.compactMap(\.string) ?? []
    let due = try await stack.command("ZSCORE", stack.key("timers", ofPartition: id), id).string ?? "none"
    let isQueued = try await stack.queuedRuns().contains(id)
    let now = try await stack.command("TIME").array?.first?.string ?? "?"
    let log = try await stack.progress(of: id).suffix(3).map { JSONValue.object($0).text }
    return "now \(now), timer \(due), queued \(isQueued), job \(job), log ends with \(log)"
  }

  /// The log and the result tell of the same steps, with the same outputs.
  private func resultProblems(_ bytes: [UInt8], _ log: [JSONObject]) throws -> [Problem] {
    let result = try JSONValue(deeply: bytes).objectValue
    let outputs = result?["outputs"]?.objectValue ?? JSONObject()
    var problems: [Problem] = []
    for (step, entry) in lastDone(log) {
      let isSame =
        entry["outputs_omitted"] == true
        ? entry["outputs_bytes"]?.numberValue?.int == outputs[step]?.bytes.count : outputs[step] == entry["outputs"]
      if !isSame {
        problems.append(Problem(.damaged, "the outputs of \(step) differ in log and result"))
      }
    }
    let values = result?["stores"]?.objectValue?.members.reduce(0) { $0 + ($1.value.arrayValue?.count ?? 0) } ?? 0
    let steps = outputs.members.count { $0.value.objectValue?["stored_under"] != nil }
    if values != steps { problems.append(Problem(.damaged, "\(steps) steps stored \(values) values")) }
    return problems
  }

  // MARK: The keys

  /// No run is owned by anything, and what stays for good is known by name.
  private func leftovers() async throws -> [Problem] {
    return try await concurrently(stack.prefixes) { try await leftovers(in: $0) }.flatMap { $0 }
  }

  private func leftovers(in prefix: String) async throws -> [Problem] {
    let lasting = ["workers", "repairs", "metrics", "database", "classes", "partitions", "runs", "ended"].map {
      prefix + $0
    }
    let keys = try await stack.scan(prefix + "*").filter { !lasting.contains($0) }
    return try await concurrently(keys) { key in
      let isOwner =
        ["leases", "holds"].map { prefix + $0 }.contains(key)
        || ["queue:", "suspects:"].map { prefix + $0 }.contains(where: key.hasPrefix)
      if isOwner { return Problem(.damaged, "\(key) is not empty") }
      let staysForGood = try await stack.command("TTL", key) == .integer(-1)
      return staysForGood ? Problem(.damaged, "\(key) does not expire") : nil
    }.compactMap { $0 }
  }
}
