import ExactJSON
import Workflow
import WorkflowPages
import WorkflowStore

extension RunView {
  /// Documents of one kind that a page has.
  private static let mostShown = 100

  /// Inputs, outputs and what was stored.
  func documents(_ html: inout HTML, _ steps: [StepView]) {
    let result = run?.result.flatMap { try? JSONValue(deeply: $0) }?.objectValue
    html.element("section", ["class": "card", "id": "documents", "aria-labelledby": "documents-title"]) { html in
      html.element("h2", ["id": "documents-title"], "Inputs, outputs and stores")
      html.element("div", ["class": "search", "hidden": ""]) { html in
        html.element("label", ["for": "search", "class": "quiet"], "Search in the documents")
        html.void("input", ["type": "search", "id": "search", "placeholder": "Search"])
        html.element("output", ["for": "search", "class": "soft"], "")
      }
      html.element("div", ["class": "shown"]) { html in
        inputs(&html, result)
        if run == nil { large(&html) }
        outputs(&html, steps, result?["outputs"]?.objectValue)
        stores(&html, result?["stores"]?.objectValue?.members ?? [])
      }
    }
  }

  private func stores(_ html: inout HTML, _ stores: [JSONObject.Member]) {
    guard !stores.isEmpty else { return }
    html.element("h3", "Stores")
    for store in stores.prefix(Self.mostShown) {
      html.document(store.key, JSONText(store.value, limit: Self.documentLimit), link: link)
    }
  }

  private func large(_ html: inout HTML) {
    html.element("p", ["class": "hint"]) { html in
      html.text("The outputs of this run are too large for a page (\(Shown.bytes(facts.bytes))). ")
      html.element("a", ["href": link], "All of it as JSON")
    }
  }

  private func inputs(_ html: inout HTML, _ result: JSONObject?) {
    guard let text = submitted?.inputs else {
      guard let inputs = result?["inputs"] else { return }
      html.element("h3", "Inputs")
      return html.document("inputs", JSONText(inputs, limit: Self.documentLimit), link: link)
    }
    let bytes = submitted?.inputBytes ?? text.count
    html.element("h3", "Inputs")
    if text.count == bytes, let value = try? JSONValue(deeply: text) {
      return html.document("inputs", JSONText(value, limit: Self.documentLimit), link: link)
    }
    html.element("details", ["class": "document"]) { html in
      html.element("summary", "inputs, the first \(Shown.bytes(text.count)) of \(Shown.bytes(bytes))")
      html.element("pre", ["class": "json", "data-cut": "", "tabindex": "0", "aria-label": "inputs"]) { html in
        html.text(String(decoding: text, as: UTF8.self))
      }
    }
  }

  private func outputs(_ html: inout HTML, _ steps: [StepView], _ result: JSONObject?) {
    guard let run else { return }
    var shown = 0
    for step in steps {
      guard let entry = step.doneEntry, let value = output(of: step, entry, run, result) else { continue }
      if shown == 0 { html.element("h3", "Outputs") }
      shown += 1
      guard shown <= Self.mostShown else {
        html.element("p", ["class": "hint"]) { html in
          html.text("Further outputs are not shown. ")
          html.element("a", ["href": link], "All of them as JSON")
        }
        return
      }
      html.document(step.id, JSONText(value, limit: Self.documentLimit), link: link)
    }
  }

  /// What a step returned: from the result of a finished run, else from its log; what is too large for that is apart.
  private func output(of step: StepView, _ entry: Int, _ run: StoredRun, _ result: JSONObject?) -> JSONValue? {
    if let output = result?[step.id] { return output }
    let place = entry - run.first
    guard run.progress.indices.contains(place) else { return nil }
    if let text = ProgressHead.outputs(in: run.progress[place]) { return try? JSONValue(deeply: Array(text)) }
    return run.outputs[step.id].flatMap { try? JSONValue(deeply: $0) }
  }
}
