import ExactJSON

/// Workers as lines of text: name, host, version, age, runs held, what they do, operations.
struct WorkerTable {
  private static let heads = ["WORKER", "HOST", "VERSION", "AGE", "RUNS", "STATE", "OPERATIONS"]

  /// One line a worker below the heads; the operations are cut where the line is too wide.
  /// - Parameter width: columns of the terminal.
  static func lines(_ workers: [JSONObject], width: Int) -> [String] {
    let rows = [heads] + workers.map(row)
    let widths = heads.indices.dropLast().map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      let start = cells.joined(separator: "  ") + "  "
      let room = max(12, width - start.count)
      let last = row[row.count - 1]
      return start + (last.count > room ? last.prefix(room - 1) + "…" : last)
    }
  }

  private static func row(_ worker: JSONObject) -> [String] {
    func text(_ name: String) -> String { worker[name]?.stringValue ?? "-" }
    func number(_ name: String) -> Int? { worker[name]?.numberValue?.int }
    let operations = worker["operations"]?.arrayValue?.compactMap(\.stringValue)
    let runs = number("runs").flatMap { runs in number("slots").map { "\(runs)/\($0)" } }
    return [
      text("id"), text("host"), text("version"), number("age_s").map(age) ?? "-", runs ?? "-", text("state"),
      operations?.joined(separator: " ") ?? "-",
    ].map(\.oneLine)
  }

  /// A time in its two largest units, such as `3d 4h` or `17s`.
  static func age(_ seconds: Int) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]
    let first = units.firstIndex { seconds >= $0.1 } ?? 3
    let shown = units[first...].prefix(2)
    return shown.enumerated().map { index, unit in
      let part = index == 0 ? seconds / unit.1 : seconds % units[first].1 / unit.1
      return "\(part)\(unit.0)"
    }.joined(separator: " ")
  }
}
