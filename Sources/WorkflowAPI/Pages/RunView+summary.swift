import ExactJSON
import Workflow
import WorkflowPages
import WorkflowStore

extension RunView {
  private var isEnded: Bool { facts.status.isTerminal }

  /// Name, state, times and costs.
  func summary(_ html: inout HTML) {
    html.element("div", ["id": "summary"]) { html in
      html.element("div", ["class": "card"]) { html in
        html.element("div", ["class": "head"]) { html in
          html.element("h1", facts.runName.isEmpty ? "Run" : facts.runName)
          html.badge(facts.status.rawValue)
          if facts.isPaused { html.badge("paused") }
          if facts.isDegraded { html.badge("degraded") }
        }
        html.element("p", ["class": "mono soft"], id.description)
        html.element("dl", ["class": "facts"]) { facts(&$0) }
      }
      guard let error = facts.error else { return }
      html.element("div", ["class": "card alert"]) { html in
        html.element("p") { html in
          if let code = facts.errorCode { html.element("code", code) }
          html.text(" \(error.cut(toBytes: 4_000))")
        }
      }
    }
  }

  private func facts(_ html: inout HTML) {
    let (started, finished) = (Shown.seconds(facts.startedAt), Shown.seconds(facts.finishedAt))
    let reopened = Shown.seconds(facts.reopenedAt)
    html.fact("Submitted (UTC)") { $0.time(Shown.seconds(facts.createdAt)) }
    if started != nil { html.fact("Started (UTC)") { $0.time(started) } }
    if finished != nil { html.fact("Ended (UTC)") { $0.time(finished) } }
    if facts.generation > 0 {
      html.fact("Run again", facts.generation == 1 ? "once" : "\(facts.generation) times")
      if let reopened { html.fact("Run again at (UTC)") { $0.time(reopened) } }
    }
    html.fact("Took", Shown.took(started, reopened, generation: facts.generation, finished))
    if facts.status == .queued, let due = Shown.seconds(facts.due) { html.fact("Waits until (UTC)") { $0.time(due) } }
    html.fact("Owner", facts.owner)
    html.fact("Priority", facts.priority)
    if let origin = facts.origin {
      html.fact("Schedule") { html in
        html.element("a", ["href": "/workflow/schedules"], ScheduleName(stored: origin.name).name)
      }
    }
    let labels = facts.labels.flatMap { try? JSONValue(parsing: $0) }?.objectValue?.members ?? []
    html.fact("Labels", labels.map { "\($0.key)=\($0.value.stringValue ?? "")" }.joined(separator: ", "))
    costs(&html)
    html.fact("As JSON") { $0.element("a", ["href": link], "status") }
  }

  private func costs(_ html: inout HTML) {
    var used = ModelUsage()
    for step in usage.values { used.add(step) }
    guard !used.isEmpty else { return }
    let json = used.json
    func number(_ name: String) -> String { json[name]?.numberValue?.text ?? "0" }
    html.fact("Model calls", number("calls"))
    html.fact("Tokens in, out", used.countsTokens ? "\(number("input_tokens")), \(number("output_tokens"))" : "unknown")
    if json["cost"] != nil {
      html.fact("Cost", (json["estimated"] == nil ? "" : "at most ") + number("cost"))
    }
  }

  /// What may be done with the run.
  func actions(_ html: inout HTML, _ steps: [StepView]) {
    html.element("div", ["id": "actions", "class": "actions"]) { html in
      guard mayChange else { return }
      func button(_ verb: String, _ name: String, kind: String? = nil, _ html: inout HTML) {
        html.form("/workflow/\(id)/\(verb)", token: token) { $0.element("button", ["class": kind], name) }
      }
      if !isEnded {
        if facts.isPaused { button("resume", "Resume", kind: "main", &html) } else { button("pause", "Pause", &html) }
        button("cancel", "Cancel", kind: "bad", &html)
        return
      }
      if facts.status != .finished { button("retry", "Retry what failed", kind: "main", &html) }
      html.form("/workflow/\(id)/rerun", token: token) { html in
        html.element("label", ["for": "from"], "Run again from")
        html.element("select", ["id": "from", "name": "from"]) { html in
          for step in steps { html.element("option", ["value": step.id], step.id) }
        }
        html.element("button", "Rerun")
      }
    }
  }

  /// The steps, in the order in which they were submitted.
  func table(_ html: inout HTML, _ steps: [StepView]) {
    let needs = Dictionary(
      (submitted?.steps ?? []).map { (ExactKey($0.id), $0.dependencies.map(\.step)) },
      uniquingKeysWith: { first, _ in first })
    html.element("section", ["class": "card", "id": "steps-section", "aria-labelledby": "steps-title"]) { html in
      html.element("h2", ["id": "steps-title"], "Steps")
      html.element("div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": "Table of the steps"]) {
        html in
        html.element("table", ["class": "cards"]) { html in
          html.columns(
            ["Step", "Status", "Operation", "Needs", "Attempts#", "Took#"]
              + (usage.isEmpty ? [] : ["Tokens in + out#", "Cost#"]))
          html.element("tbody") { html in
            for step in steps { row(&html, step, needs[ExactKey(step.id)] ?? []) }
          }
        }
      }
    }
  }

  /// How many items of a step have ended, where it runs once per item; else nothing.
  private static func items(of step: StepView) -> String {
    guard let members = step.lastProgress?.membersBehindStep,
      let counts = try? JSONValue(parsing: [UInt8(ascii: "{")] + members + [UInt8(ascii: "}")]).objectValue,
      let done = counts["done"]?.numberValue?.int, let total = counts["total"]?.numberValue?.int
    else { return "" }
    let failed = counts["failed"]?.numberValue?.int ?? 0
    return " \(done) of \(total)" + (failed > 0 ? ", \(failed) failed" : "")
  }

  private func row(_ html: inout HTML, _ step: StepView, _ needs: [String]) {
    func text(_ bytes: ArraySlice<UInt8>?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    let (started, finished) = (Shown.seconds(step.startedAt), Shown.seconds(step.finishedAt))
    html.element(
      "tr",
      [
        "id": "step-\(step.id)", "data-step": step.id, "data-op": step.op ?? "",
        "data-needs": JSONValue.array(needs.map { .string($0) }).text, "data-status": step.status.rawValue,
        "data-started": text(step.startedAt), "data-finished": text(step.finishedAt),
      ]
    ) { html in
      html.element("th", ["scope": "row"], step.id)
      html.element("td") { html in
        html.badge(step.status.rawValue)
        html.element("small", ["class": "items"], Self.items(of: step))
      }
      html.cell("Operation", step.op ?? "")
      html.cell("Needs", needs.joined(separator: ", "))
      html.cell("Attempts", step.attempts > 0 ? "\(step.attempts)" : "", kind: "number attempts")
      let took = started.flatMap { start in finished.map { Shown.duration($0 - start) } }
      html.cell("Took", took ?? "", kind: "number took")
      guard !usage.isEmpty else { return }
      let used = usage[step.id]?.json
      func number(_ name: String) -> String { used?[name]?.numberValue?.text ?? "" }
      let isCounted = usage[step.id]?.countsTokens == true
      html.cell(
        "Tokens in + out", isCounted ? "\(number("input_tokens")) + \(number("output_tokens"))" : "", kind: "number")
      html.cell("Cost", (used?["estimated"] == nil ? "" : "at most ") + number("cost"), kind: "number")
    }
  }
}
