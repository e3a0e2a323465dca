import ExactJSON
import Glibc

/// Runs as a table.
enum RunTable {
  /// A line for each run of a page, under a heading; none when there are no runs. Where the width is less than 100
  /// columns, ages take the place of times, so that a name has room.
  static func lines(of page: JSONObject, width: Int, now: Int = time(nil)) -> [String] {
    let isNarrow = width < 100
    let rows = (page["runs"]?.arrayValue ?? []).compactMap(\.objectValue).map {
      row($0, now: Double(now), withAge: isNarrow)
    }
    if rows.isEmpty { return [] }
    let all = [[isNarrow ? "AGE" : "SUBMITTED", "STATUS", "TIME", "JOB", "NAME", ""]] + rows
    let widths = (0..<6).map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      let cells = row.enumerated().map { column, text in
        column == 5 ? text : text + String(repeating: " ", count: widths[column] - text.count)
      }
      let line = cells.joined(separator: "  ")
      return String(line.prefix(max(20, width))).trimmingBlanksAtEnd
    }
  }

  /// How many runs there are, in a line.
  static func summary(_ counts: JSONObject) -> String {
    func count(_ name: String) -> Int { counts[name]?.numberValue?.int ?? 0 }
    func age(_ name: String) -> String {
      let seconds = count(name)
      return seconds > 0 ? " (oldest \(duration(Double(seconds))))" : ""
    }
    let parked = count("parked") > 0 ? ", \(count("parked")) of them parked" : ""
    return
      "\(count("queued")) queued\(age("oldest_queued_s"))\(parked), \(count("started")) started\(age("oldest_started_s")), "
      + "\(count("finished")) finished, \(count("failed")) failed, \(count("cancelled")) cancelled"
  }

  /// - Parameter withAge: its age takes the place of the time at which it was submitted.
  private static func row(_ run: JSONObject, now: Double, withAge: Bool) -> [String] {
    func time(_ name: String) -> Double? { run[name]?.numberValue?.double }
    let status = run["status"]?.stringValue ?? "?"
    let created = time("created_ts") ?? now
    let took = took(
      (created, time("started_ts"), time("reopened_ts"), time("finished_ts")), isStarted: status == "started", now: now)
    let name = run["run_name"]?.stringValue ?? ""
    return [
      withAge ? duration(now - created) : DateText.utc(Int(created)), run["paused"] == true ? "paused" : status,
      duration(took),
      run["job_id"]?.stringValue ?? "", String(name.oneLine.prefix(40)), run["error"]?.stringValue?.oneLine ?? "",
    ]
  }

  /// How long a run has been executed, or has waited; of one that was run again, from then on.
  static func took(
    _ times: (created: Double, started: Double?, reopened: Double?, finished: Double?), isStarted: Bool, now: Double
  ) -> Double {
    let since =
      times.finished != nil || isStarted
      ? times.reopened ?? times.started ?? times.created
      : times.reopened ?? times.created
    return max(0, (times.finished ?? now) - since)
  }

  /// Seconds in the two largest units, such as `1m12s`.
  static func duration(_ seconds: Double) -> String {
    if seconds < 1 { return "\(Int(max(0, seconds) * 1_000))ms" }
    let whole = Int(seconds)
    if whole < 60 { return "\(whole)s" }
    if whole < 3_600 { return "\(whole / 60)m\(whole % 60)s" }
    if whole < 86_400 { return "\(whole / 3_600)h\(whole % 3_600 / 60)m" }
    return "\(whole / 86_400)d\(whole % 86_400 / 3_600)h"
  }
}

extension String {
  fileprivate var trimmingBlanksAtEnd: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
