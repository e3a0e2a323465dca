import AccessKeys
import ExactJSON
import FastCGI
import Workflow
import WorkflowPages
import WorkflowStore

extension PageVisit {
  /// Runs on a page, unless the query says otherwise.
  private static let pageLength = 50

  /// `GET /status` as a page.
  func runs() async throws(APIError) -> FastCGIResponse {
    let items = filterItems
    var counts: JSONObject?
    if context.scope == nil { counts = try await answer("/status/counts").json }
    var (runs, following, faults): ([JSONValue], String?, [ValidationFault]) = ([], nil, [])
    do {
      let hasLimit = items.contains { $0.name.hasSameScalars(as: "limit") }
      let isDead = items.contains { $0.name.hasSameScalars(as: "dead") }
      let limit = hasLimit || isDead ? [] : [(name: "limit", value: "\(Self.pageLength)")]
      let list = try await answer(Self.target(items + limit)).json
      runs = list["runs"]?.arrayValue ?? []
      following = list["next"]?.stringValue
    } catch {
      guard case .invalid(let found) = error else { throw error }
      faults = found
    }
    let view = RunsView(
      items: items, counts: counts, runs: runs, next: following, faults: faults,
      showsOwners: context.key?.role == .admin,
      mayChange: context.mayChange)
    return response(
      Page(title: "Runs", section: .runs, scripts: ["runs.js"], content: view.html), status: faults.isEmpty ? 200 : 422)
  }

  /// What the query says: fields of the form that are empty say nothing, and a time without an offset is in UTC.
  private var filterItems: [(name: String, value: String)] {
    QueryItems(request).decoded.filter { !$0.value.isEmpty }.map { item in
      let isTime = ["since", "before"].contains(where: item.name.hasSameScalars)
      let length = item.value.utf8.count
      guard isTime, length == 16 || length == 19, !item.value.utf8.contains(UInt8(ascii: "Z")) else { return item }
      return (item.name, item.value + (length == 16 ? ":00Z" : "Z"))
    }
  }

  /// The path of a list.
  static func target(_ items: [(name: String, value: String)]) -> String {
    items.isEmpty
      ? "/status"
      : "/status?"
        + items.map { "\(PercentEncoding.encoded($0.name))=\(PercentEncoding.encoded($0.value))" }.joined(
          separator: "&")
  }
}

/// The list of runs with its filters.
private struct RunsView {
  let items: [(name: String, value: String)]
  let counts: JSONObject?
  let runs: [JSONValue]
  let next: String?
  let faults: [ValidationFault]
  let showsOwners: Bool
  let mayChange: Bool

  var html: HTML {
    var html = HTML()
    html.element("div", ["class": "head"]) { html in
      html.element("h1", "Runs")
      if mayChange {
        html.element("div", ["class": "actions"]) {
          $0.element("a", ["class": "button", "href": "/workflow"], "Submit a run")
        }
      }
    }
    filters(&html)
    if !faults.isEmpty {
      html.element("div", ["class": "card alert", "role": "alert"]) { html in
        html.element("p", "The filter cannot be read:")
        html.element("ul", ["class": "faults"]) { html in
          for fault in faults { html.element("li", PageVisit.sentence(fault)) }
        }
      }
    }
    html.element("div", ["id": "live"]) { html in
      tabs(&html)
      if faults.isEmpty {
        html.element("div", ["class": "card"]) { html in
          if runs.isEmpty { empty(&html) } else { table(&html) }
        }
      }
      if let next {
        html.element("p") { html in
          html.element(
            "a", ["class": "button", "href": PageVisit.target(without("cursor") + [("cursor", next)])], "Older runs")
        }
      }
    }
    return html
  }

  private func value(_ name: String) -> String? { items.last { $0.name.hasSameScalars(as: name) }?.value }

  private func without(_ names: String...) -> [(name: String, value: String)] {
    items.filter { item in !names.contains { $0.hasSameScalars(as: item.name) } }
  }

  /// A link for each status, with the number of runs where that is known.
  private func tabs(_ html: inout HTML) {
    let chosen = items.filter { $0.name.hasSameScalars(as: "status") }.map(\.value)
    html.element("nav", ["aria-label": "Status"]) { html in
      html.element("ul", ["class": "tabs"]) { html in
        tab(&html, "all", nil, [], isChosen: chosen.isEmpty && value("paused") == nil && value("dead") == nil)
        for status in RunStatus.allCases {
          tab(
            &html, status.rawValue, count(status.rawValue), [("status", status.rawValue)],
            isChosen: chosen.count == 1 && chosen[0].hasSameScalars(as: status.rawValue))
        }
        tab(&html, "paused", count("paused"), [("paused", "1")], isChosen: value("paused") != nil)
        if value("dead") != nil { tab(&html, "dead", nil, [("dead", "1")], isChosen: true) }
      }
    }
  }

  private func count(_ name: String) -> String? { counts?[name]?.numberValue?.text }

  private func tab(
    _ html: inout HTML, _ name: String, _ count: String?, _ more: [(name: String, value: String)], isChosen: Bool
  ) {
    let target = PageVisit.target(without("status", "paused", "dead", "cursor") + more)
    html.element("li") { html in
      html.element("a", ["href": target, "aria-current": isChosen ? "true" : nil]) { html in
        html.text(name)
        if let count { html.element("b", count) }
      }
    }
  }

  private func filters(_ html: inout HTML) {
    let names = ["name", "label", "owner", "since", "before", "error_code"]
    let isUsed = items.contains { item in names.contains { $0.hasSameScalars(as: item.name) } }
    html.element("details", ["class": "card", "open": isUsed || !faults.isEmpty ? "" : nil]) { html in
      html.element("summary", "Filter")
      html.element("form", ["method": "get", "action": "/status"]) { html in
        for item in items where ["status", "paused"].contains(where: item.name.hasSameScalars) {
          html.void("input", ["type": "hidden", "name": item.name, "value": item.value])
        }
        html.element("div", ["class": "fields"]) { html in
          input(&html, "name", "Name")
          input(&html, "label", "Label", placeholder: "name=value")
          if showsOwners { input(&html, "owner", "Owner") }
          input(&html, "since", "Submitted since (UTC)", type: "datetime-local")
          input(&html, "before", "Submitted before (UTC)", type: "datetime-local")
          errorCodes(&html)
          html.element("div", ["class": "actions"]) { html in
            html.element("button", ["class": "main"], "Filter")
            if isUsed { html.element("a", ["href": "/status"], "Clear") }
          }
        }
      }
    }
  }

  private func input(
    _ html: inout HTML, _ name: String, _ label: String, type: String = "text", placeholder: String? = nil
  ) {
    var text = value(name)
    if type != "text", let time = text { text = String(time.prefix(16)) }
    html.element("div") { html in
      html.element("label", ["for": "filter-\(name)"], label)
      html.void(
        "input",
        ["type": type, "id": "filter-\(name)", "name": name, "value": text, "placeholder": placeholder])
    }
  }

  private func errorCodes(_ html: inout HTML) {
    html.element("div") { html in
      html.element("label", ["for": "filter-error"], "Error code")
      html.element("select", ["id": "filter-error", "name": "error_code"]) { html in
        html.element("option", ["value": ""], "any")
        for code in ErrorCode.allCases {
          let isChosen = value("error_code")?.hasSameScalars(as: code.rawValue) == true
          html.element("option", ["value": code.rawValue, "selected": isChosen ? "" : nil], code.rawValue)
        }
      }
    }
  }

  private func empty(_ html: inout HTML) {
    html.element("div", ["class": "empty"]) { html in
      if items.isEmpty {
        html.element("p", "No run is kept. A run that is submitted appears here.")
      } else {
        html.element(
          "p", next == nil ? "No run fits the filter." : "None of the newest runs fits the filter; older ones may.")
      }
    }
  }

  private func table(_ html: inout HTML) {
    html.element("table", ["class": "cards"]) { html in
      html.columns(["Status", "Run", "Submitted (UTC)", "Took#"] + (showsOwners ? ["Owner"] : []) + ["Labels"])
      html.element("tbody") { html in
        for run in runs { if let run = run.objectValue { row(&html, run) } }
      }
    }
  }

  private func row(_ html: inout HTML, _ run: JSONObject) {
    let id = run["job_id"]?.stringValue ?? ""
    let name = run["run_name"]?.stringValue ?? ""
    func seconds(_ name: String) -> Double? { run[name]?.numberValue?.double }
    html.element("tr") { html in
      html.element("td") { html in
        html.badge(run["status"]?.stringValue ?? "")
        if run["paused"] != nil { html.badge("paused") }
        if run["degraded"] != nil { html.badge("degraded") }
      }
      html.element("td") { html in
        html.element("a", ["href": "/status/\(id)"], name.isEmpty ? id : name.cut(toBytes: 300))
        if let error = run["error"]?.stringValue {
          html.element("div", ["class": "why"], error.cut(toBytes: 300))
        }
      }
      html.element("td", ["class": "when", "data-label": "Submitted"]) { $0.time(seconds("created_ts")) }
      let took = Shown.took(
        seconds("started_ts"), seconds("reopened_ts"), generation: run["generation"]?.numberValue?.int ?? 0,
        seconds("finished_ts"))
      html.cell("Took", took ?? "", kind: "number")
      if showsOwners { html.cell("Owner", run["owner"]?.stringValue ?? "") }
      let labels = (run["labels"]?.objectValue?.members ?? []).map { "\($0.key)=\($0.value.stringValue ?? "")" }
      html.cell("Labels", labels.joined(separator: ", ").cut(toBytes: 300))
    }
  }
}
