import ExactJSON
import Hiredis

/// What the log of a run tells.
extension Audit {
  /// How a generation ends.
  private static let ends = ["finished", "failed", "cancelled"]

  /// One end of each generation, and it is the last entry; no step begins after its outputs are recorded; time does not
  /// go back.
  func logProblems(_ log: [JSONObject], _ status: String) -> [Problem] {
    var problems: [Problem] = []
    let messages = log.map { $0["msg"]?.stringValue ?? "?" }
    if messages.first != "enqueued" || messages.count(where: { $0 == "enqueued" }) != 1 {
      problems.append(Problem(.duplicated, "it was not enqueued once: \(messages)"))
    }
    let ends = messages.count { Self.ends.contains($0) }
    if messages.last != status || ends != 1 + messages.count(where: { $0 == "retried" }) {
      problems.append(Problem(.duplicated, "it did not end once: \(messages)"))
    }
    for (end, next) in zip(messages, messages.dropFirst()) where Self.ends.contains(end) && next != "retried" {
      problems.append(Problem(end == "cancelled" ? .afterCancel : .duplicated, "after \(end) follows \(next)"))
    }
    var done = Set<String>()
    for (message, entry) in zip(messages, log) {
      guard let step = entry["step"]?.stringValue else { continue }
      if message == "step_reset" {
        done.remove(step)
      } else if done.contains(step) {
        problems.append(Problem(.duplicated, "\(message) of \(step) after its outputs were recorded"))
      }
      if message == "step_done" { done.insert(step) }
    }
    let times = log.compactMap { $0["ts"]?.numberValue?.double }
    if times.count != log.count || times != times.sorted() { problems.append(Problem(.damaged, "its times go back")) }
    return problems
  }

  /// The generations are numbered from one on, and the job knows the last one.
  func generationProblems(_ id: String, _ log: [JSONObject]) async throws -> [Problem] {
    let numbers = log.filter { $0["msg"] == "retried" }.map { $0["generation"]?.numberValue?.int ?? 0 }
    var problems: [Problem] = []
    if numbers != Array(0..<numbers.count).map({ $0 + 1 }) {
      problems.append(Problem(.duplicated, "its generations are \(numbers)"))
    }
    let known = try await stack.command("HGET", stack.key("job", id), "generation").string ?? "0"
    if known != "\(numbers.count)" {
      problems.append(Problem(.damaged, "its job is of generation \(known), its log of \(numbers.count)"))
    }
    return problems
  }

  /// The outputs that a run has kept without a result are those of the steps that its log calls done.
  func outputProblems(_ id: String, _ log: [JSONObject], _ status: String) async throws -> [Problem] {
    let names = try await stack.command("HKEYS", stack.key("outputs", id)).array?.compactMap(\.string) ?? []
    let kept = Set(names.filter { $0.hasPrefix("out:") && !$0.contains("/") }.map { String($0.dropFirst(4)) })
    let done = Set(lastDone(log).keys)
    let surplus = kept.subtracting(done).sorted()
    let missing = done.subtracting(kept).sorted()
    var problems = missing.map { Problem(.lost, "the outputs of \($0) are gone") }
    problems += surplus.map {
      Problem(
        status == "cancelled" ? .afterCancel : .damaged, "it has outputs of \($0), which its log does not call done")
    }
    return problems
  }

  /// The last `step_done` of each step that was not reset since.
  func lastDone(_ log: [JSONObject]) -> [String: JSONObject] {
    var done: [String: JSONObject] = [:]
    for entry in log {
      guard let step = entry["step"]?.stringValue else { continue }
      if entry["msg"] == "step_done" { done[step] = entry }
      if entry["msg"] == "step_reset" { done[step] = nil }
    }
    return done
  }
}
