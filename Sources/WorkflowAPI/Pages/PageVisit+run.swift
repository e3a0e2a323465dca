import ExactJSON
import FastCGI
import Workflow
import WorkflowPages
import WorkflowStore

extension PageVisit {
  /// Bytes of documents up to which a page shows them; of larger runs it shows the status of their steps.
  private static let mostDocuments = 256 << 10
  /// Bytes of inputs that are read.
  private static let mostInputs = 64 << 10
  /// Entries of a large log that are looked at.
  private static let mostEntries = 20_000
  /// Bytes of a log that a script reads from its beginning; of a longer one it reads what follows.
  private static let mostReplayed = 2 << 20

  /// `GET /status/{job_id}` as a page.
  func run(_ argument: String) async throws(APIError) -> FastCGIResponse {
    try await pages.router.checkOwner(of: argument, context)
    let id = try JobID(path: argument, context)
    let store = pages.partitions.store(of: id)
    guard let facts = try await store.reading({ store throws(StoreError) in try await store.facts(of: id) }) else {
      throw .noJob(id)
    }
    var run: StoredRun?
    var heads: [ProgressHead?] = []
    let (share, isLarge) = try pages.quotas.document(min(facts.bytes, Self.mostDocuments))
    defer { withExtendedLifetime(share) {} }
    let source = (isLarge ? pages.documents : pages.partitions).store(of: id)
    if facts.bytes <= Self.mostDocuments {
      run = try await source.reading { store throws(StoreError) in try await store.run(of: id, facts: facts) }
      guard let run else { throw .noJob(id) }
      heads = run.heads
    } else {
      heads = try await source.reading { store throws(StoreError) in
        try await store.logHeads(of: id, entries: min(facts.entries, Self.mostEntries))
      }
    }
    let submitted = try await source.reading { store throws(StoreError) in
      try await store.submission(of: id, inputsUpTo: Self.mostInputs)
    }
    let hasModel = heads.contains { $0?.op?.hasPrefix("llm_") == true }
    let usage: [String: ModelUsage] =
      hasModel
      ? try await pages.partitions.reading { partitions throws(StoreError) in
        try await partitions.usage(ofRun: id) ?? [:]
      } : [:]
    let view = RunView(
      id: id, facts: facts, run: run, heads: heads, submitted: submitted, usage: usage,
      since: facts.bytes <= Self.mostReplayed ? 0 : facts.entries, mayChange: context.mayChange,
      token: viewer.token)
    let name = facts.runName.isEmpty ? id.description : facts.runName.cut(toBytes: 200)
    return response(Page(title: name, section: .runs, scripts: ["run.js"], content: view.html))
  }

  /// `POST /workflow/{job_id}/cancel` and others, as a button of a page sends it.
  func steer(_ id: String, _ verb: String) async throws(APIError) -> FastCGIResponse {
    try FormToken.check(request, context.key)
    let path = "/workflow/\(id)/\(verb)"
    var body: [UInt8] = []
    if verb.hasSameScalars(as: "rerun") {
      body = JSONValue.object(["from": .string(FormBody(request).text("from") ?? "")]).bytes
    }
    let order = FastCGIRequest(
      method: "POST", target: path, headers: ["Content-Type": "application/json"], body: .complete(body))
    _ = try await pages.router.answer(order, context)
    return redirect(to: "/status/\(id)")
  }
}

/// What a page shows of a run.
struct RunView {
  let id: JobID
  let facts: RunFacts
  /// The run with its documents; nil where they are too large for a page.
  let run: StoredRun?
  let heads: [ProgressHead?]
  let submitted: SubmittedRun?
  let usage: [String: ModelUsage]
  /// The first entry of the log that a script is to read.
  let since: Int
  let mayChange: Bool
  let token: String

  /// Entries of the log in the page; a script reads the others.
  private static let mostLines = 200
  static let documentLimit = 64 << 10

  /// The path of the same as JSON, also for a browser.
  var link: String { "/status/\(id)?format=json" }

  var html: HTML {
    let known = submitted?.steps.map { StepView(id: $0.id, op: $0.op) } ?? []
    let steps = StepView.fold(heads, known: known, isStarted: facts.status == .started)
    var html = HTML()
    html.element(
      "div",
      [
        "id": "run", "data-events": "/status/\(id)/events", "data-since": "\(since)",
        "data-status": facts.status.rawValue, "data-created": String(decoding: facts.createdAt, as: UTF8.self),
      ]
    ) { html in
      summary(&html)
      actions(&html, steps)
      graph(&html)
      texts(&html)
      table(&html, steps)
      timeline(&html)
      documents(&html, steps)
      log(&html)
    }
    return html
  }

  private func graph(_ html: inout HTML) {
    html.element("section", ["class": "card", "id": "graph-section", "aria-labelledby": "graph-title", "hidden": ""]) {
      html in
      html.element("div", ["class": "head"]) { html in
        html.element("h2", ["id": "graph-title"], "Graph")
        html.element("div", ["class": "zoom"]) { html in
          for (factor, name, sign) in [("0.8", "Smaller", "−"), ("1.25", "Larger", "+"), ("fit", "Fit", "Fit")] {
            html.element("button", ["type": "button", "data-zoom": factor, "aria-label": name], sign)
          }
        }
      }
      html.element("div", ["id": "graph", "tabindex": "0", "role": "region", "aria-label": "Graph of the steps"], "")
      html.element(
        "p", ["class": "legend"],
        "A thick outline marks the critical path: the steps that determine how long the run takes.")
    }
  }

  private func texts(_ html: inout HTML) {
    html.element("section", ["class": "card", "id": "texts-section", "aria-labelledby": "texts-title", "hidden": ""]) {
      html in
      html.element("h2", ["id": "texts-title"], "What models write")
      html.element("div", ["id": "texts"], "")
    }
  }

  private func timeline(_ html: inout HTML) {
    html.element("section", ["class": "card", "id": "timeline", "aria-labelledby": "timeline-title", "hidden": ""]) {
      html in
      html.element("h2", ["id": "timeline-title"], "Timeline of attempts")
      html.element("div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": "Timeline"]) { html in
        html.element("table") { html in
          html.element("thead", ["class": "quiet"]) { html in
            html.element("tr") { html in
              for name in ["Step", "Attempts", "Took"] { html.element("th", ["scope": "col"], name) }
            }
          }
          html.element("tbody", "")
        }
      }
    }
  }

  private func log(_ html: inout HTML) {
    let created = Shown.seconds(facts.createdAt) ?? 0
    html.element("section", ["class": "card", "aria-labelledby": "log-title"]) { html in
      html.element("h2", ["id": "log-title"], "Log")
      html.element("p", ["class": "hint"], "Times are counted from the submission.")
      if heads.count > Self.mostLines {
        html.element("p", ["class": "hint", "id": "log-hint"]) { html in
          html.text("The last \(Self.mostLines) of \(facts.entries) entries. ")
          html.element("a", ["href": link], "All of them as JSON")
        }
      }
      html.element("ol", ["id": "entries", "tabindex": "0", "aria-label": "Log"]) { html in
        for case let head? in heads.suffix(Self.mostLines) {
          let isBad = ["step_failed", "failed", "step_retry", "llm_fallback", "cancelled"].contains(head.message)
          html.element("li", ["class": isBad ? "bad" : nil]) { html in
            let time = Shown.seconds(head.timestamp) ?? created
            html.element("span", ["class": "time"], "+\(Shown.duration(max(0, time - created)))")
            html.element("b", head.message)
            if let step = head.step { html.element("a", ["href": "#step-\(step)"], step) }
            html.text(Self.words(head))
          }
        }
      }
    }
  }

  /// What an entry says besides, without outputs; nothing where only its beginning was read.
  private static func words(_ head: ProgressHead) -> String {
    guard head.message != "step_done" && head.message != "step_start" else { return "" }
    let members = [UInt8(ascii: "{")] + head.membersBehindStep + [UInt8(ascii: "}")]
    return (try? JSONValue(parsing: members))?.objectValue.map(Shown.words)?.cut(toBytes: 500) ?? ""
  }
}
