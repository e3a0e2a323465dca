import ExactJSON

/// Where a run is shown.
protocol RunDisplay: Sendable {
  /// Shows the run as it is before its events are read.
  /// - Parameter serverTime: when that was, in seconds since 1970 by the server's clock.
  func begin(_ status: JSONObject, serverTime: Int?)
  /// Shows a progress entry, given as JSON text.
  func show(entry: String)
  /// Shows how the run ended.
  func end(_ status: JSONObject)
  /// Shows a sentence about the command itself.
  func say(_ sentence: String)
}

extension RunDisplay {
  /// A line on standard error.
  func say(_ sentence: String) { Terminal.say("wf: \(sentence)") }
}

/// A line on standard error for each progress entry: for files and pipes.
struct LineDisplay: RunDisplay {
  func begin(_ status: JSONObject, serverTime: Int?) {}

  func show(entry: String) {
    let members = (try? JSONValue(parsing: entry))?.objectValue ?? JSONObject()
    var words = ["msg", "step", "op", "run", "model", "error"].compactMap { members[$0]?.stringValue }
    if let done = members["done"]?.numberValue, let total = members["total"]?.numberValue {
      words.append("\(done.text)/\(total.text) items")
    }
    Terminal.say("  " + words.map(\.oneLine).joined(separator: "  "))
  }

  func end(_ status: JSONObject) {}
}

/// A line of JSON on standard output for each progress entry: for programs.
struct JSONDisplay: RunDisplay {
  func begin(_ status: JSONObject, serverTime: Int?) {}
  func show(entry: String) { Terminal.show(entry) }
  func end(_ status: JSONObject) {}
}
