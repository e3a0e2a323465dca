import ExactJSON

/// Schedules as lines of text: name, times, zone, next time and last run.
struct ScheduleTable {
  private static let heads = ["NAME", "SCHEDULE", "ZONE", "NEXT", "LAST RUN"]
  private static let gap = 2

  /// One line a schedule below the heads; where it is too wide, names, expressions and zones are cut.
  /// - Parameter width: columns of the terminal; no line has more, as far as times and job ids leave room for the rest.
  static func lines(_ schedules: [JSONObject], width: Int) -> [String] {
    let rows = [heads] + schedules.map(row)
    var widths = heads.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var excess = widths.reduce(0, +) + gap * (heads.count - 1) - width
    // The beginning of a job id distinguishes runs, so the last column goes first; then the widest is cut.
    if excess > 0, widths[4] > 8 {
      let cut = min(excess, widths[4] - 8)
      widths[4] -= cut
      excess -= cut
    }
    while excess > 0, let widest = [0, 1, 2].max(by: { widths[$0] < widths[$1] }), widths[widest] > 6 {
      widths[widest] -= 1
      excess -= 1
    }
    return rows.map { row in
      let cells = zip(row, widths).map { padded($0, $1) }
      return cells.joined(separator: "  ").trimmingTrailingBlanks
    }
  }

  private static func row(_ schedule: JSONObject) -> [String] {
    let times =
      schedule["cron"]?.stringValue ?? schedule["every_s"]?.numberValue.map { "every \($0.text) s" } ?? "?"
    let next = schedule["next_times"]?.arrayValue?.first?.stringValue
    let isPaused = schedule["paused"] == .bool(true)
    let name = schedule["name"]?.stringValue ?? "?"
    return [
      schedule["owner"]?.stringValue.map { "\($0)/\(name)" } ?? name, times, schedule["time_zone"]?.stringValue ?? "-",
      next.map(minutes) ?? (isPaused ? "paused" : "never"),
      schedule["last"]?.objectValue?["job_id"]?.stringValue ?? "-",
    ].map(\.oneLine)
  }

  /// A time without its `T` and its offset, and without seconds where these are 0.
  private static func minutes(_ time: String) -> String {
    let clock = time.prefix(19)
    let text = clock.hasSuffix(":00") ? clock.dropLast(3) : clock
    return String(text.replacing("T", with: " "))
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    if text.count > width { return text.prefix(max(0, width - 1)) + "…" }
    return text + String(repeating: " ", count: width - text.count)
  }
}

extension String {
  fileprivate var trimmingTrailingBlanks: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
