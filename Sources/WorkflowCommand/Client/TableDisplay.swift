import ExactJSON
import Synchronization
import UnixSignals
import Workflow

/// A table of the steps with a bar of what is done, redrawn in place: at each progress entry, each second while a step
/// is running, and when the terminal's size changes. For people at a terminal.
final class TableDisplay: RunDisplay {
  private struct State {
    var known: [StepView] = []
    var heads: [ProgressHead?] = []
    /// What models are writing, by step or item: the end of it.
    var texts: [String: String] = [:]
    /// What is on the screen.
    var drawn: [String] = []
    /// The server's clock when `start` was read here.
    var serverTime: Double?
    var start = ContinuousClock.now
    var isOver = false
    var tasks: [Task<Void, Never>] = []
  }

  private let state = Mutex(State())
  /// Characters of a text that are kept: more than a line of any terminal has.
  private static let longestText = 1_000

  func begin(_ status: JSONObject, serverTime: Int?) {
    state.withLock { state in
      state.known = (status["steps"]?.objectValue?.members ?? []).map { member in
        StepView(id: member.key, op: member.value.objectValue?["op"]?.stringValue)
      }
      // The date of an answer is cut to the second.
      state.serverTime = serverTime.map { Double($0) + 0.5 }
      state.start = .now
      state.tasks = [Task { await redrawEachSecond() }, Task { await redrawAtResize() }]
      TableDisplay.draw(&state)
    }
  }

  func show(entry: String) {
    state.withLock { state in
      state.heads.append(ProgressHead(Array(entry.utf8)))
      TableDisplay.draw(&state)
    }
  }

  func show(_ piece: TextPiece) {
    state.withLock { state in
      let known = piece.isFirst ? "" : state.texts[piece.unit] ?? ""
      state.texts[piece.unit] = String((known + piece.text).suffix(TableDisplay.longestText))
      TableDisplay.draw(&state)
    }
  }

  func end(_ status: JSONObject) {
    state.withLock { state in
      for task in state.tasks { task.cancel() }
      state.isOver = true
      TableDisplay.draw(&state)
    }
  }

  func say(_ sentence: String) {
    state.withLock { state in
      // The line takes the table's place, and the table comes again below it.
      Terminal.write(TableDisplay.upwards(state.drawn) + "\r\u{1b}[J")
      Terminal.say("wf: \(sentence)")
      state.drawn = []
      TableDisplay.draw(&state)
    }
  }

  private func redrawEachSecond() async {
    while (try? await Task.sleep(for: .seconds(1))) != nil { redraw() }
  }

  private func redrawAtResize() async {
    for await _ in await UnixSignalsSequence(trapping: .sigwinch) { redraw() }
  }

  private func redraw() { state.withLock { if !$0.isOver { TableDisplay.draw(&$0) } } }

  private static func draw(_ state: inout State) {
    let views = StepView.fold(state.heads, known: state.known, isStarted: !state.isOver)
    let size = Terminal.size
    let now = state.serverTime.map { $0 + (ContinuousClock.now - state.start) / .seconds(1) }
    let lines = StepTable.lines(
      views, texts: state.isOver ? [:] : state.texts, now: now, width: size.columns - 1, height: size.rows - 1)
    Terminal.write(upwards(state.drawn) + lines.map { "\r\u{1b}[K\($0)\n" }.joined() + "\u{1b}[J")
    state.drawn = lines
  }

  /// Moves the cursor to the first of the lines that were drawn last.
  private static func upwards(_ drawn: [String]) -> String {
    let size = Terminal.size
    // A terminal that has become narrower has broken the lines that were drawn before.
    let rows = drawn.reduce(0) { $0 + max(1, ($1.count + size.columns - 1) / size.columns) }
    return rows > 0 ? "\u{1b}[\(min(rows, size.rows - 1))A" : ""
  }
}
