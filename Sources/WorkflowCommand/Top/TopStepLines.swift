import ExactJSON

/// The steps of one run as lines, with what models write for them.
struct TopStepLines {
  let state: TopState
  let width: Int

  /// - Parameter rows: lines that there are; nil: as many as there are steps.
  func lines(rows: Int?) -> [StyledLine] {
    guard let run = state.run else { return [] }
    let now = state.snapshot?.now ?? run.created
    var lines = head(run, now)
    let steps = run.steps ?? []
    if run.steps == nil { lines.append(StyledLine(" reading its steps …", .dim)) }
    let idWidth = min(max(4, steps.map(\.id.cells).max() ?? 0), max(8, width / 3))
    let opWidth = min(max(2, steps.map(\.op.cells).max() ?? 0), max(8, width / 4))
    let room = rows.map { max(1, $0 - lines.count) } ?? .max
    var shown: [StyledLine] = []
    for (index, step) in steps.enumerated().dropFirst(first(of: steps, room: room)) {
      var some = [line(step, now, idWidth: idWidth, opWidth: opWidth)]
      if let text = text(of: step) { some.append(StyledLine("       " + text, .dim)) }
      let isLast = index == steps.count - 1
      guard shown.count + some.count + (isLast ? 0 : 1) <= room else {
        shown.append(StyledLine(" … \(steps.count - index) more", .dim))
        break
      }
      shown += some
    }
    return lines + shown
  }

  /// All steps are shown where there is room for them.
  private func first(of steps: [TopStep], room: Int) -> Int {
    steps.count <= room ? 0 : min(state.firstStep, steps.count - room)
  }

  private func head(_ run: TopRun, _ now: Double) -> [StyledLine] {
    var title = StyledLine(" ")
    title.add(run.name.oneLine.cut(toCells: max(10, width - 40)), .bold)
    title.add("  \(run.state)  \(RunTable.duration(run.took(now)))")
    var facts = [StyledLine(run.id), StyledLine("submitted \(DateText.utc(Int(run.created)))", .dim)]
    if let owner = run.owner { facts.append(StyledLine("of \(owner.oneLine.cut(toCells: 20))")) }
    if let usage = run.usage {
      let calls = usage["calls"]?.numberValue?.int ?? 0
      let cost = usage["cost"] == nil ? "" : ", cost \(TopView.cost(of: usage))"
      facts.append(StyledLine("\(calls) \(calls == 1 ? "call" : "calls") of models\(cost)"))
    }
    var lines = [title] + StyledLine.flow(facts, width: width)
    if let error = run.error { lines.append(StyledLine(" " + error.oneLine, .bad)) }
    return lines + [StyledLine()]
  }

  private func line(_ step: TopStep, _ now: Double, idWidth: Int, opWidth: Int) -> StyledLine {
    let (mark, style): (String, TextStyle) =
      switch step.status {
      case "done": ("✓", .good)
      case "running": ("▸", .bold)
      case "waiting": ("↻", .doubtful)
      case "failed": ("✗", .bad)
      case "skipped": ("-", .dim)
      default: ("·", .dim)
      }
    var line = StyledLine(" ")
    line.add(mark, style)
    line.add(" \(step.id.oneLine.padded(toCells: idWidth))  \(step.op.oneLine.padded(toCells: opWidth))  ")
    line.add(step.status.padded(toCells: 8), style)
    if let start = step.started {
      let end = step.finished ?? (step.status == "running" ? now : nil)
      line.add(end.map { " " + RunTable.duration(max(0, $0 - start)).padded(toCells: 7) } ?? "        ")
    }
    if step.attempts > 1 { line.add(" attempt \(step.attempts)") }
    if let items = step.items {
      line.add(" \(items.done)/\(items.total) items")
      if items.failed > 0 { line.add(", \(items.failed) failed", .bad) }
    }
    return line
  }

  /// The end of what a model writes for a step that is running, or for the last of its items.
  private func text(of step: TopStep) -> String? {
    guard step.status == "running" else { return nil }
    let last = state.texts.last { unit, _ in
      let bytes = unit.utf8
      return bytes.starts(with: step.id.utf8)
        && (bytes.count == step.id.utf8.count || bytes.dropFirst(step.id.utf8.count).first == UInt8(ascii: ":"))
    }
    guard let text = last?.text.oneLine, !text.isEmpty else { return nil }
    let room = max(10, width - 8)
    if text.cells <= room { return text }
    var (kept, used) = (Substring(text), text.cells)
    while used > room - 1, let first = kept.popFirst() { used -= String(first).cells }
    return "…" + kept
  }
}
