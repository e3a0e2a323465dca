/// The runs as lines: those that have not ended, and below them those that have.
struct TopRunLines {
  let state: TopState
  let width: Int

  private var now: Double { state.snapshot?.now ?? 0 }

  /// - Parameter rows: lines that there are; nil: as many as there are runs.
  func lines(rows: Int?) -> [StyledLine] {
    guard let snapshot = state.snapshot else { return [StyledLine(" waiting for the first answer …", .dim)] }
    let (active, ended) = (snapshot.active, snapshot.ended)
    // Two headings and the empty line between the lists.
    let room = max(0, rows.map { $0 - 3 } ?? active.count + min(ended.count, 20))
    let endedRows = min(ended.count, max(room / 3, room - active.count))
    let activeRows = min(active.count, room - endedRows)
    let total = max(active.count, snapshot.count("queued") + snapshot.count("started"))
    let columns = Columns(runs: active + ended, width: width)
    var lines = [heading("ACTIVE", active.isEmpty ? "none" : "\(total)", "AGE", columns)]
    lines += window(active, rows: activeRows).map { line($0, columns) }
    lines.append(StyledLine())
    lines.append(heading("ENDED", ended.isEmpty ? "none" : "", "AGO", columns))
    lines += window(ended, rows: endedRows).map { line($0, columns) }
    return lines
  }

  /// As many of the runs as there are rows, the selected one among them.
  private func window(_ runs: [TopRun], rows: Int) -> ArraySlice<TopRun> {
    guard runs.count > rows, rows > 0 else { return runs.prefix(rows) }
    let selected = runs.firstIndex { $0.id == state.selected } ?? 0
    let first = max(0, min(selected - rows / 2, runs.count - rows))
    return runs[first..<first + rows]
  }

  /// The widths of the columns; those without room are 0.
  struct Columns {
    static let status = 9
    static let time = 7
    let age: Int
    let job: Int
    let owner: Int
    let name: Int
    let detail: Int

    /// Ids are whole where the line has room for them; else their beginning distinguishes runs.
    init(runs: [TopRun], width: Int) {
      job = width >= 130 ? 36 : 8
      age = width >= 70 ? Columns.time : 0
      let widestOwner = runs.map { $0.owner?.oneLine.cells ?? 0 }.max() ?? 0
      owner = width >= 90 ? min(widestOwner, 12) : 0
      let taken = [Columns.status, Columns.time, age, job, owner].filter { $0 > 0 }
      let rest = max(16, min(width, 400) - 1 - taken.reduce(0) { $0 + $1 + 2 })
      let widestName = runs.map { min(200, $0.name.oneLine.cells) }.max() ?? 0
      name = max(4, min(widestName, rest / 2))
      detail = rest - name - 2
    }
  }

  private func heading(_ title: String, _ count: String, _ age: String, _ columns: Columns) -> StyledLine {
    let texts = [
      (title + (count.isEmpty ? "" : " \(count)"), Columns.status), ("TIME", Columns.time), (age, columns.age),
      ("JOB", columns.job), ("OWNER", columns.owner), ("NAME", columns.name), ("", columns.detail),
    ]
    // The count may be wider than its column.
    let excess = max(0, texts[0].0.cells - Columns.status)
    var line = StyledLine(" ")
    for (index, (text, room)) in texts.enumerated() where room > 0 {
      let width = index == 0 ? room + excess : index == 1 ? max(4, room - excess) : room
      line.add((index == 0 ? "" : "  ") + text.padded(toCells: width), .dim)
    }
    return line
  }

  private func line(_ run: TopRun, _ columns: Columns) -> StyledLine {
    let age = run.isLive ? now - run.created : now - (run.finished ?? now)
    var line = StyledLine(" ")
    line.add(run.state.padded(toCells: Columns.status), Self.style(of: run))
    let texts = [
      (RunTable.duration(run.took(now)), Columns.time), (RunTable.duration(max(0, age)), columns.age),
      (String(run.id.prefix(columns.job)), columns.job), (run.owner?.oneLine ?? "", columns.owner),
      (run.name.oneLine, columns.name), (detail(run).oneLine, columns.detail),
    ]
    for (text, room) in texts where room > 0 { line.add("  " + text.padded(toCells: room)) }
    return run.id == state.selected && state.page == .runs ? line.selected(cells: min(width, line.cells)) : line
  }

  private static func style(of run: TopRun) -> TextStyle {
    if run.isPaused { return .doubtful }
    return switch run.status {
    case "started", "finished": .good
    case "failed": .bad
    case "cancelled": .doubtful
    default: .plain
    }
  }

  /// The steps that are running or wait; when a queued run is due; why a run failed.
  private func detail(_ run: TopRun) -> String {
    if let error = run.error { return error }
    if run.status == "queued", !run.isPaused, let due = run.due, due > now {
      return "due in \(RunTable.duration(due - now))"
    }
    let steps = run.steps ?? []
    let running = steps.filter { $0.status == "running" }.map(\.label)
    let waiting = steps.filter { $0.status == "waiting" }.map { "\($0.label) (waits)" }
    let done = steps.count { $0.status == "done" || $0.status == "skipped" }
    let count = steps.isEmpty ? "" : "\(done)/\(steps.count)  "
    return run.isLive ? count + (running + waiting).joined(separator: ", ") : ""
  }
}
