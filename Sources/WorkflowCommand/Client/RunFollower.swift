import ArgumentParser
import ExactJSON

/// Follows a run to its end: progress to standard error, result to standard output.
struct RunFollower {
  let client: APIClient

  /// Follows a job.
  /// - Throws: an exit code of 1 when the run does not finish well.
  func follow(_ job: String) async throws {
    var shown = 0
    var pause = Duration.milliseconds(20)
    while true {
      let status = try await client.status(of: job)
      let progress = status["progress"]?.arrayValue ?? []
      for entry in progress.dropFirst(shown) { Terminal.say(RunFollower.line(entry)) }
      shown = progress.count
      switch status["status"]?.stringValue {
      case "finished": return Terminal.show(status["result"] ?? .null)
      case "failed", "cancelled":
        throw CommandFailure("the run failed: \(status["error"]?.stringValue ?? "no reason is given")")
      default: break
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(500))
    }
  }

  private static func line(_ entry: JSONValue) -> String {
    let members = entry.objectValue ?? JSONObject()
    let words = ["msg", "step", "op", "run", "error"].compactMap { members[$0]?.stringValue }
    return "  " + words.joined(separator: "  ")
  }
}

extension Terminal {
  /// Writes JSON to standard output: indented for people, compact for programs.
  static func show(_ value: JSONValue) { show(isInteractive ? value.indented() : value.bytes) }
}

extension JSONValue {
  /// The value as text over several lines, two spaces a level.
  fileprivate func indented(_ indent: String = "") -> [UInt8] {
    let inner = indent + "  "
    switch self {
    case .object(let object) where !object.isEmpty:
      let lines = object.members.map { member in
        Array((inner + JSONValue.string(member.key).text + ": ").utf8) + member.value.indented(inner)
      }
      return Array("{\n".utf8) + Array(lines.joined(separator: Array(",\n".utf8))) + Array("\n\(indent)}".utf8)
    case .array(let elements) where !elements.isEmpty:
      let lines = elements.map { Array(inner.utf8) + $0.indented(inner) }
      return Array("[\n".utf8) + Array(lines.joined(separator: Array(",\n".utf8))) + Array("\n\(indent)]".utf8)
    default:
      return bytes
    }
  }
}
