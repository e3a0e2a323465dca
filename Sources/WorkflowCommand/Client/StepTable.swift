import Workflow

/// The steps of a run as lines of text.
enum StepTable {
  /// One line a step and a bar below; where there are more steps than lines, those that are under way come first.
  static func lines(_ views: [StepView], width: Int, height: Int) -> [String] {
    let room = max(1, height - 3)
    let order: [StepView.Status] = [.failed, .running, .pending, .done]
    let shown =
      views.count <= room ? views : Array(order.flatMap { status in views.filter { $0.status == status } }.prefix(room))
    let idWidth = min(30, shown.map(\.id.count).max() ?? 0)
    let opWidth = min(30, shown.compactMap(\.op?.count).max() ?? 0)
    let rows = shown.map { line($0, idWidth, opWidth, width: width) }
    let more = views.count > shown.count ? ["  … \(views.count - shown.count) more"] : []
    return rows + more + [bar(views, width: width)]
  }

  private static func line(_ view: StepView, _ idWidth: Int, _ opWidth: Int, width: Int) -> String {
    let mark =
      switch view.status {
      case .pending: "·"
      case .running: "▸"
      case .done: "✓"
      case .failed: "✗"
      }
    let attempts = view.attempts > 1 ? "  attempt \(view.attempts)" : ""
    let columns = "\(padded(view.id, idWidth))  \(padded(view.op ?? "", opWidth))"
    let text = "  \(mark) \(columns)  \(view.status.rawValue)\(seconds(view))\(attempts)"
    return String(text.prefix(width))
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text.prefix(width) + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func seconds(_ view: StepView) -> String {
    guard let start = view.startedAt.flatMap(Double.init), let end = view.finishedAt.flatMap(Double.init) else {
      return ""
    }
    let hundredths = Int(((end - start) * 100).rounded())
    return "  \(hundredths / 100).\(String(hundredths % 100 + 100).dropFirst()) s"
  }

  private static func bar(_ views: [StepView], width: Int) -> String {
    let done = views.count { $0.status == .done }
    let cells = max(10, min(40, width - 20))
    let full = views.isEmpty ? 0 : cells * done / views.count
    return "  " + String(repeating: "█", count: full) + String(repeating: "░", count: cells - full)
      + "  \(done)/\(views.count)"
  }
}
