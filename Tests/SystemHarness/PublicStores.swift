import ExactJSON
import Hiredis

/// What the public stores hold.
struct PublicStores: Sendable {
  /// Which step of which run stored something, by run.
  private var steps: [String: Set<String>] = [:]
  /// What is in a store twice.
  private(set) var problems: [Audit.Problem] = []

  /// Reads the stores of a stack.
  init(_ stack: Stack) async throws {
    for key in try await stack.keys("store:*") {
      for item in try await stack.command("LRANGE", key, "0", "-1").array ?? [] {
        let entry = try JSONValue(parsing: item.bytesValue ?? []).objectValue
        let job = entry?["job_id"]?.stringValue ?? "?"
        let step = entry?["step"]?.stringValue ?? "?"
        if !steps[job, default: []].insert(step).inserted {
          problems.append(Audit.Problem(.duplicated, "run \(job): \(step) is twice in \(key)"))
        }
      }
    }
  }

  /// A run's steps that the log calls done are in the stores if they stored something, and no others.
  func problems(of id: String, _ log: [JSONObject]) -> [Audit.Problem] {
    let done = log.filter { $0["msg"] == "step_done" && $0["outputs"]?.objectValue?["stored_under"] != nil }
    let recorded = Set(done.compactMap { $0["step"]?.stringValue })
    let stored = steps[id] ?? []
    return recorded.subtracting(stored).map { Audit.Problem(.lost, "what \($0) stored is not in its store") }
      + stored.subtracting(recorded).map { Audit.Problem(.duplicated, "\($0) stored something, but is not recorded") }
  }
}
