import ExactJSON
import Workflow

/// The lines of `wf top`.
struct TopView {
  let state: TopState
  /// Cells of a line.
  let width: Int
  /// Lines of the screen; nil where there is no end: all of the lists are shown.
  let height: Int?

  /// The screen from its first line to its last.
  func lines() -> [StyledLine] {
    var head = title() + trouble()
    if let snapshot = state.snapshot {
      head += counts(snapshot) + workers(snapshot) + models(snapshot)
    }
    if height.map({ $0 >= 24 }) ?? true, state.snapshot != nil { head.append(StyledLine()) }
    guard let height else { return (head + body(rows: nil)).map { $0.cut(toCells: width) } }
    // What is most worth seeing on a low screen is at the top; the last line is the keys'.
    let room = max(0, height - 1)
    head = Array(head.prefix(max(1, room - 4)))
    var lines = head + body(rows: room - head.count)
    lines = Array(lines.prefix(room))
    lines += Array(repeating: StyledLine(), count: room - lines.count)
    return (lines + [footer()]).map { $0.cut(toCells: width) }
  }

  private func body(rows: Int?) -> [StyledLine] {
    switch state.page {
    case .runs: TopRunLines(state: state, width: width).lines(rows: rows)
    case .steps: TopStepLines(state: state, width: width).lines(rows: rows)
    }
  }

  /// How many lines a list in the head may have.
  private var detailRows: Int { height.map { max(0, min(6, ($0 - 14) / 5)) } ?? 50 }

  // MARK: The head

  private func title() -> [StyledLine] {
    var line = StyledLine("wf top", .bold)
    line.add("  \(state.url)")
    guard let now = state.snapshot?.now else { return [line] }
    let clock = DateText.utc(Int(now)).suffix(9)
    guard height != nil else {
      line.add("  \(clock)", .dim)
      return [line]
    }
    let gap = width - 1 - line.cells - clock.count
    if gap >= 2 { line.add(String(repeating: " ", count: gap) + clock, .dim) }
    return [line]
  }

  /// That the API is away, and what its health warns of.
  private func trouble() -> [StyledLine] {
    var lines: [StyledLine] = []
    if let failure = state.failure {
      let age = RunTable.duration((ContinuousClock.now - failure.since) / .seconds(1))
      lines += wrapped("NO ANSWER for \(age); this is what it said last. \(failure.text)", .bad)
    }
    if let detail = state.snapshot?.health["detail"]?.stringValue { lines += wrapped(detail, .bad) }
    let warnings = state.snapshot?.health["warnings"]?.arrayValue?.compactMap(\.stringValue) ?? []
    lines += warnings.flatMap { wrapped($0, .doubtful) }
    let most = height.map { max(2, $0 / 6) } ?? .max
    guard lines.count > most else { return lines }
    return lines.prefix(most - 1) + [StyledLine(" … wf doctor says more", .doubtful)]
  }

  /// A sentence on as many lines as it needs.
  private func wrapped(_ text: String, _ style: TextStyle) -> [StyledLine] {
    var lines: [String] = []
    for word in text.oneLine.split(separator: " ") {
      if let last = lines.last, last.cells + 1 + String(word).cells <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append((lines.isEmpty ? " ! " : "   ") + word)
      }
    }
    return lines.map { StyledLine($0, style) }
  }

  private func cell(_ name: String, _ value: String, _ note: String = "", _ style: TextStyle = .bold) -> StyledLine {
    var line = StyledLine("\(name) ", .dim)
    line.add(value, style)
    if !note.isEmpty { line.add(" \(note)") }
    return line
  }

  private func counts(_ snapshot: TopSnapshot) -> [StyledLine] {
    func count(_ name: String) -> String { "\(snapshot.count(name))" }
    func oldest(_ name: String) -> String {
      let seconds = snapshot.count("oldest_\(name)_s")
      return seconds > 0 ? "oldest \(RunTable.duration(Double(seconds)))" : ""
    }
    func rate(_ rate: Double) -> String { rate > 0 ? "+\(Self.number(rate))/s" : "" }
    let started = cell("started", count("started"), oldest("started"))
    guard snapshot.counts != nil else {
      let note = StyledLine("the other counts need a key with the role admin", .dim)
      return StyledLine.flow([cell("queued", count("queued")), started, note], width: width)
    }
    let waiting = max(0, snapshot.count("queued") - snapshot.count("parked"))
    var cells = [cell("queued", "\(waiting)", oldest("queued")), started]
    if snapshot.count("parked") > 0 { cells.append(cell("parked", count("parked"))) }
    if snapshot.count("paused") > 0 { cells.append(cell("paused", count("paused"))) }
    cells.append(cell("finished", count("finished"), rate(state.rates.finished)))
    cells.append(cell("failed", count("failed"), rate(state.rates.failed), state.rates.failed > 0 ? .bad : .bold))
    cells.append(cell("cancelled", count("cancelled"), rate(state.rates.cancelled)))
    return StyledLine.flow(cells, width: width)
  }

  /// A number with as many digits as say something.
  static func number(_ value: Double) -> String {
    if value >= 1_000_000 {
      return "\(Int((value / 100_000).rounded()) / 10).\(Int((value / 100_000).rounded()) % 10)M"
    }
    if value >= 10_000 { return "\(Int((value / 1_000).rounded()))k" }
    if value >= 100 || value == value.rounded() { return "\(Int(value.rounded()))" }
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(String(hundredths % 100 + 100).dropFirst())"
  }

  // MARK: Workers and models

  private func workers(_ snapshot: TopSnapshot) -> [StyledLine] {
    guard let workers = snapshot.workers else {
      return [StyledLine(" workers \(snapshot.count("workers"))", .dim)]
    }
    func number(_ worker: JSONObject, _ name: String) -> Int { worker[name]?.numberValue?.int ?? 0 }
    let held = workers.reduce(0) { $0 + number($1, "runs") }
    let slots = workers.reduce(0) { $0 + number($1, "slots") }
    var head = cell("workers", "\(workers.count)", "", workers.isEmpty ? .bad : .bold)
    head.add("  ")
    head.add(cell("slots", "\(held)/\(slots)", "", slots > 0 && held >= slots ? .doubtful : .bold))
    var lines = StyledLine.flow([head], width: width)
    // The busiest first, of these the oldest.
    let ordered = workers.sorted {
      (number($0, "runs"), number($0, "age_s")) > (number($1, "runs"), number($1, "age_s"))
    }
    let rows = ordered.map { worker -> [String] in
      func text(_ name: String) -> String { worker[name]?.stringValue ?? "-" }
      return [
        text("id"), text("host"), "\(number(worker, "runs"))/\(number(worker, "slots"))",
        WorkerTable.age(number(worker, "age_s")), text("state"), text("version"),
      ]
    }
    lines += table(rows, widest: [24, 20, 9, 9, 9, 20])
    return lines
  }

  private func models(_ snapshot: TopSnapshot) -> [StyledLine] {
    let entries = snapshot.usage ?? []
    guard !entries.isEmpty else { return [] }
    func sum(_ name: String) -> Double { entries.reduce(0) { $0 + Self.value($1, name) } }
    var cells = [cell("models today", Self.number(sum("calls")), "calls")]
    if sum("failed") > 0 { cells.append(cell("failed", Self.number(sum("failed")), "", .doubtful)) }
    let cached = sum("cached_tokens")
    if sum("input_tokens") + sum("output_tokens") > 0 {
      cells.append(cell("in", Self.number(sum("input_tokens")), cached > 0 ? "(\(Self.number(cached)) cached)" : ""))
      cells.append(cell("out", Self.number(sum("output_tokens"))))
    }
    if entries.contains(where: { $0["cost"] != nil }) {
      let isEstimate = entries.contains { $0["estimated"] == true }
      cells.append(cell("cost", Self.cost(sum("cost")), isEstimate ? "at most" : ""))
    }
    let ordered = entries.sorted {
      (Self.value($0, "cost"), Self.value($0, "calls")) > (Self.value($1, "cost"), Self.value($1, "calls"))
    }
    let rows = ordered.map { entry in
      // Zeros say that no answer has named a count.
      let (read, written) = (Self.value(entry, "input_tokens"), Self.value(entry, "output_tokens"))
      let isCounted = read + written > 0
      return [
        entry["model"]?.stringValue ?? "-", entry["owner"]?.stringValue ?? "-",
        "\(Self.number(Self.value(entry, "calls"))) calls", isCounted ? "in \(Self.number(read))" : "",
        isCounted ? "out \(Self.number(written))" : "",
        entry["cost"] == nil ? "" : "cost " + Self.cost(of: entry),
      ]
    }
    return StyledLine.flow(cells, width: width) + table(rows, widest: [24, 16, 12, 10, 10, 22])
  }

  private static func value(_ entry: JSONObject, _ name: String) -> Double { entry[name]?.numberValue?.double ?? 0 }

  /// What a use of models has cost, as far as that is known.
  static func cost(of usage: JSONObject) -> String {
    cost(value(usage, "cost")) + (usage["estimated"] == true ? " at most" : "")
  }

  /// A sum of money with four digits behind the point: a call may cost less than a cent.
  static func cost(_ value: Double) -> String {
    let parts = Int((value * 10_000).rounded())
    return "\(parts / 10_000).\(String(parts % 10_000 + 10_000).dropFirst())"
  }

  /// The first rows of a list of the head, and how many more there are.
  private func table(_ rows: [[String]], widest: [Int]) -> [StyledLine] {
    // One row says no more than the line above it.
    guard rows.count > 1 || height == nil || detailRows > 2 else { return [] }
    let shown = rows.prefix(rows.count > detailRows ? max(0, detailRows - 1) : rows.count)
    let columns = widest.indices.map { column in min(widest[column], shown.map { $0[column].oneLine.cells }.max() ?? 0)
    }
    let lines = shown.map { row in
      StyledLine("   " + zip(row, columns).map { $0.oneLine.padded(toCells: $1) }.joined(separator: "  "))
    }
    if shown.isEmpty || shown.count == rows.count { return lines }
    return lines + [StyledLine("   … \(rows.count - shown.count) more", .dim)]
  }

  // MARK: The last line

  private func footer() -> StyledLine {
    if let run = state.confirming {
      return StyledLine(
        " Cancel \(run.name.oneLine.cut(toCells: max(8, width - 40))) (\(run.id.prefix(8)))? y/n ", .selected)
    }
    if let note = state.note { return StyledLine(" \(note)", .bold) }
    let keys: [(String, String)] =
      state.page == .runs
      ? [("↑↓", "select"), ("enter", "steps"), ("c", "cancel"), ("p", "pause"), ("r", "retry"), ("q", "quit")]
      : [("esc", "runs"), ("↑↓", "scroll"), ("c", "cancel"), ("p", "pause"), ("r", "retry"), ("q", "quit")]
    var line = StyledLine(" ")
    for (key, meaning) in keys {
      line.add(key, .bold)
      line.add(" \(meaning)  ", .dim)
    }
    return line
  }
}
