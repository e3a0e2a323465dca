import ExactJSON
import Workflow

/// A line on standard error for each progress entry: for files and pipes.
final class LineDisplay: RunDisplay {
  func begin(_ status: JSONObject) {}

  func show(entry: String) {
    let members = (try? JSONValue(parsing: entry))?.objectValue ?? JSONObject()
    let words = ["msg", "step", "op", "run", "error"].compactMap { members[$0]?.stringValue }
    Terminal.say("  " + words.map(\.oneLine).joined(separator: "  "))
  }

  func end(_ status: JSONObject) {}
}

/// A line of JSON on standard output for each progress entry: for programs.
final class JSONDisplay: RunDisplay {
  func begin(_ status: JSONObject) {}
  func show(entry: String) { Terminal.show(entry) }
  func end(_ status: JSONObject) {}
}

/// A table of the steps, redrawn in place, with a bar of what is done: for people at a terminal.
final class TableDisplay: RunDisplay {
  private var known: [StepView] = []
  private var heads: [ProgressHead?] = []
  private var drawn = 0

  func begin(_ status: JSONObject) {
    known = (status["steps"]?.objectValue?.members ?? []).map { member in
      StepView(id: member.key, op: member.value.objectValue?["op"]?.stringValue)
    }
    draw(isStarted: true)
  }

  func show(entry: String) {
    heads.append(ProgressHead(Array(entry.utf8)))
    draw(isStarted: true)
  }

  func end(_ status: JSONObject) { draw(isStarted: false) }

  private func draw(isStarted: Bool) {
    let views = StepView.fold(heads, known: known, isStarted: isStarted)
    let size = Terminal.size
    let lines = StepTable.lines(views, width: size.columns, height: size.rows - 1)
    // Up to where the last drawing began, then each line anew.
    let up = drawn > 0 ? "\u{1b}[\(drawn)A" : ""
    Terminal.write(up + lines.map { "\r\u{1b}[K\($0)\n" }.joined() + "\u{1b}[J")
    drawn = lines.count
  }
}
