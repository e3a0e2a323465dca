import Curl
import ExactJSON

/// Where a run is shown.
protocol RunDisplay: Sendable {
  /// Shows the run as it is before its events are read.
  /// - Parameter serverTime: when that was, in seconds since 1970 by the server's clock.
  func begin(_ status: JSONObject, serverTime: Int?)
  /// Shows a progress entry, given as JSON text.
  func show(entry: String)
  /// Shows what a model is writing.
  func show(_ piece: TextPiece)
  /// Shows how the run ended.
  func end(_ status: JSONObject)
  /// Shows a sentence about the command itself.
  func say(_ sentence: String)
}

/// A piece of the text that a model is writing for a step: an event `text`, `token` or `reset`.
struct TextPiece: Sendable, Equatable {
  /// The step, with the position of its item behind a colon.
  let unit: String
  /// Whether what came before is of an earlier attempt.
  let isFirst: Bool
  let text: String

  /// Reads an event; nil when it has another form.
  init?(_ event: ServerSentEvents.Event) {
    guard let data = (try? JSONValue(parsing: event.data))?.objectValue, let step = data["step"]?.stringValue else {
      return nil
    }
    unit = step + (data["item"]?.numberValue.map { ":\($0.text)" } ?? "")
    isFirst = event.name != "token"
    text = data["text"]?.stringValue ?? ""
  }
}

extension RunDisplay {
  /// Only a terminal has a place for it.
  func show(_ piece: TextPiece) {}

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
