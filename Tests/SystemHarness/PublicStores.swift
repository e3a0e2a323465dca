import ExactJSON
import Hiredis

/// What the public stores hold.
struct PublicStores: Sendable {
  /// How often a step of a run stored something, by run.
  private var steps: [String: [String: Int]] = [:]

  /// Reads the stores of a stack.
  init(_ stack: Stack) async throws {
    for key in try await stack.keys("store:*") {
      for item in try await stack.command("LRANGE", key, "0", "-1").array ?? [] {
        let entry = try JSONValue(parsing: item.bytesValue ?? []).objectValue
        let job = entry?["job_id"]?.stringValue ?? "?"
        let step = entry?["step"]?.stringValue ?? "?"
        steps[job, default: [:]][step, default: 0] += 1
      }
    }
  }

  /// Whenever the log calls a step of a run done that stored something, its value is in the stores, and no others are.
  /// What is too much in the stores of a run that was cancelled may have been written after that.
  func problems(of id: String, _ log: [JSONObject]) -> [Audit.Problem] {
    let done = log.filter { $0["msg"] == "step_done" && $0["outputs"]?.objectValue?["stored_under"] != nil }
    var recorded: [String: Int] = [:]
    for case let step? in done.map({ $0["step"]?.stringValue }) { recorded[step, default: 0] += 1 }
    let stored = steps[id] ?? [:]
    let surplus: Audit.Problem.Kind = log.contains { $0["msg"] == "cancelled" } ? .afterCancel : .duplicated
    return Set(recorded.keys).union(stored.keys).sorted().compactMap { step in
      let (wanted, found) = (recorded[step] ?? 0, stored[step] ?? 0)
      if found < wanted { return Audit.Problem(.lost, "of what \(step) stored \(found) of \(wanted) are in its store") }
      return found > wanted ? Audit.Problem(surplus, "\(step) is \(found) times in its store, not \(wanted)") : nil
    }
  }
}
