import ArgumentParser
import ExactJSON

/// What a command that waited for a run says at the end.
enum RunOutcome {
  /// Prints the result of a run that finished.
  /// - Throws: exit code 1 for any other.
  static func conclude(_ status: JSONObject, asJSON: Bool) throws {
    let isFinished = status["status"] == "finished"
    if asJSON {
      Terminal.show(JSONValue.object(status).bytes)
    } else if isFinished {
      Terminal.show(status["result"] ?? .null)
    } else {
      if status["status"] == "cancelled" {
        Terminal.say("wf: the run was cancelled")
        throw ExitCode(CommandFailure.Code.failed.rawValue)
      }
      Terminal.say("wf: the run failed: \(status["error"]?.stringValue?.oneLine ?? "no reason is given")")
    }
    if !isFinished { throw ExitCode(CommandFailure.Code.failed.rawValue) }
  }
}

extension Terminal {
  /// Writes JSON to standard output: indented and without control characters for people, as it is for programs.
  static func show(_ value: JSONValue) {
    if isInteractive {
      show(String(decoding: value.indented(), as: UTF8.self).withoutControls)
    } else {
      show(value.bytes)
    }
  }
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
