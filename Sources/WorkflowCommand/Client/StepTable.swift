import ExactJSON
import Workflow

/// The steps of a run as lines of text.
struct StepTable {
  private let width: Int
  private let now: Double?
  private let idWidth: Int
  private let opWidth: Int

  /// One line a step and a bar below; where there are more steps than lines, those that are running come first.
  /// Below a step that is running is the end of what a model is writing for it.
  /// - Parameters:
  ///   - texts: what models have written, by step or by `step:item`.
  ///   - now: the time by the clock that the steps' times are of, in seconds since 1970; nil when it is not known.
  ///   - width: columns of the terminal; no line has more.
  ///   - height: lines at most.
  static func lines(
    _ views: [StepView], texts: [String: String] = [:], now: Double?, width: Int, height: Int
  ) -> [String] {
    let texts = texts.isEmpty ? [:] : lastTexts(texts, of: views)
    let room = max(1, height - 3 - texts.count)
    let order: [StepView.Status] = [.failed, .running, .waiting, .pending, .done, .skipped]
    let shown =
      views.count <= room ? views : Array(order.flatMap { status in views.filter { $0.status == status } }.prefix(room))
    let table = StepTable(shown, now: now, width: width)
    let more = views.count > shown.count ? ["  … \(views.count - shown.count) more"] : []
    let steps = shown.flatMap { view in
      [table.line(view)] + (texts[view.id].map { ["      " + tail(of: $0, width: width - 6)] } ?? [])
    }
    return (steps + more + [table.bar(views)]).map { String($0.prefix(width)) }
  }

  /// Of each running step the text that it or the last of its items has.
  private static func lastTexts(_ texts: [String: String], of views: [StepView]) -> [String: String] {
    var last: [String: (item: Int, text: String)] = [:]
    for (unit, text) in texts where !text.isEmpty {
      let parts = unit.split(separator: ":").map(String.init)
      let item = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
      if last[parts[0]].map({ $0.item <= item }) ?? true { last[parts[0]] = (item, text) }
    }
    let running = Set(views.filter { $0.status == .running }.map(\.id))
    return last.filter { running.contains($0.key) }.mapValues(\.text)
  }

  /// The last words of a text that fit into a line.
  private static func tail(of text: String, width: Int) -> String {
    let line = text.oneLine
    return line.count <= width ? line : "…" + line.suffix(max(0, width - 1))
  }

  /// The names get what the widest status leaves of the width, the ids twice as much as the operations.
  private init(_ views: [StepView], now: Double?, width: Int) {
    self.width = width
    self.now = now
    let room = max(9, width - "  ✓ ".count - "    running  1000.00 s  attempt 2".count)
    let widestOp = views.compactMap(\.op?.count).max() ?? 0
    idWidth = min(views.map(\.id.count).max() ?? 0, max(room * 2 / 3, room - widestOp))
    opWidth = min(widestOp, room - idWidth)
  }

  private func line(_ view: StepView) -> String {
    let mark =
      switch view.status {
      case .done where view.isDegraded: "!"
      case .pending: "·"
      case .running: "▸"
      case .waiting: "↻"
      case .done: "✓"
      case .skipped: "-"
      case .failed: "✗"
      }
    let attempts = view.attempts > 1 ? "  attempt \(view.attempts)" : ""
    let columns = "\(padded(view.id, idWidth))  \(padded(view.op ?? "", opWidth))"
    // The placeholder's words are there, not the model's.
    let degraded = view.isDegraded ? "  placeholder" : ""
    return
      "  \(mark) \(columns)  \(view.status.rawValue)\(seconds(view))\(attempts)\(degraded)\(items(view))\(retry(view))"
  }

  /// How many of its items have ended.
  private func items(_ view: StepView) -> String {
    guard let items = Self.members(of: view.lastProgress), let done = items["done"]?.numberValue,
      let total = items["total"]?.numberValue
    else { return "" }
    let failed = items["failed"]?.numberValue?.int ?? 0
    return "  \(done.text)/\(total.text) items" + (failed > 0 ? ", \(failed) failed" : "")
  }

  private static func members(of head: ProgressHead?) -> JSONObject? {
    guard let members = head?.membersBehindStep else { return nil }
    return (try? JSONValue(parsing: [UInt8(ascii: "{")] + members + [UInt8(ascii: "}")]))?.objectValue
  }

  /// Why a step waits for its next attempt, and for how long.
  private func retry(_ view: StepView) -> String {
    guard view.status == .waiting, let retry = Self.members(of: view.lastRetry) else { return "" }
    let code = retry["error_code"]?.stringValue ?? ""
    guard let due = retry["retry_at"]?.numberValue?.double, let now else { return "  \(code)" }
    return "  \(code), next in \(Int(max(0, due - now).rounded(.up))) s"
  }

  /// A text that is too long ends with an ellipsis.
  private func padded(_ text: String, _ width: Int) -> String {
    if text.count > width { return text.prefix(max(0, width - 1)) + "…" }
    return text + String(repeating: " ", count: width - text.count)
  }

  /// How long a step took, to hundredths; of one that is running, how long so far.
  private func seconds(_ view: StepView) -> String {
    guard let start = view.startedAt.flatMap(Self.number) else { return "" }
    if view.status == .running { return now.map { "  \(Int(max(0, $0 - start))) s" } ?? "" }
    guard let end = view.finishedAt.flatMap(Self.number) else { return "" }
    let hundredths = Int(((end - start) * 100).rounded())
    return "  \(hundredths / 100).\(String(hundredths % 100 + 100).dropFirst()) s"
  }

  private static func number(_ text: ArraySlice<UInt8>) -> Double? { Double(String(decoding: text, as: UTF8.self)) }

  private func bar(_ views: [StepView]) -> String {
    let done = views.count { $0.status == .done || $0.status == .skipped }
    let count = "  \(done)/\(views.count)"
    let cells = max(1, width - 2 - count.count)
    let full = views.isEmpty ? 0 : cells * done / views.count
    return "  " + String(repeating: "█", count: full) + String(repeating: "░", count: cells - full) + count
  }
}
