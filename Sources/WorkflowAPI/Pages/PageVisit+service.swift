import ExactJSON
import FastCGI
import Workflow
import WorkflowPages

extension PageVisit {
  /// `GET /workflow/schedules` as a page.
  func schedules() async throws(APIError) -> FastCGIResponse {
    let schedules = try await answer("/workflow/schedules").json["schedules"]?.arrayValue ?? []
    return response(Page(title: "Schedules", section: .schedules, content: Self.schedules(schedules)))
  }

  private static func schedules(_ schedules: [JSONValue]) -> HTML {
    var html = HTML()
    html.element("div", ["class": "head"]) { $0.element("h1", "Schedules") }
    html.element("div", ["class": "card"]) { html in
      guard !schedules.isEmpty else {
        html.element("div", ["class": "empty"]) { html in
          html.element("p") {
            $0.prose(
              "There is none. `wf schedules put NAME FILE` makes one, and so does `PUT /workflow/schedules/NAME`.")
          }
        }
        return
      }
      html.element("table", ["class": "cards"]) { html in
        html.columns(["Name", "When", "Next", "Last", "Run", "Runs started#", "Times skipped#"])
        html.element("tbody") { html in
          for schedule in schedules { if let schedule = schedule.objectValue { row(&html, schedule) } }
        }
      }
    }
    return html
  }

  private static func row(_ html: inout HTML, _ schedule: JSONObject) {
    func text(_ name: String) -> String { schedule[name].map { $0.stringValue ?? $0.text } ?? "" }
    html.element("tr") { html in
      html.element("th", ["scope": "row"]) { html in
        html.text(text("name"))
        if let owner = schedule["owner"]?.stringValue { html.element("small", " \(owner)") }
        if schedule["paused"] == .bool(true) {
          html.text(" ")
          html.badge("paused")
        }
      }
      html.element("td", ["data-label": "When"]) { html in
        if schedule["cron"] != nil {
          html.element("code", text("cron"))
          html.element("small", " \(text("time_zone"))")
        } else {
          html.text("every \(Shown.duration(schedule["every_s"]?.numberValue?.double ?? 0))")
        }
      }
      html.element("td", ["data-label": "Next", "class": "when"]) { html in
        if let next = schedule["next_times"]?.arrayValue?.first?.stringValue { html.localTime(next) }
      }
      html.element("td", ["data-label": "Last", "class": "when"]) { html in
        guard let last = schedule["last"]?.objectValue else { return }
        html.element("a", ["href": last["status_url"]?.stringValue]) { $0.localTime(last["time"]?.stringValue ?? "") }
      }
      html.element("td", ["data-label": "Run"]) { html in
        let name = schedule["run_name"]?.stringValue ?? ""
        html.element("a", ["href": target([("name", name)])], name.cut(toBytes: 200))
      }
      html.cell("Runs started", text("runs"), kind: "number")
      html.cell("Times skipped", text("skipped"), kind: "number")
    }
  }

  /// `GET /status/health` as a page, with the status of the JSON.
  func health() async throws(APIError) -> FastCGIResponse {
    let (status, facts) = try await answer("/status/health")
    var workers: [JSONValue]?
    if facts["redis"] == "ok" { workers = try await answer("/status/workers").json["workers"]?.arrayValue ?? [] }
    let content = Self.health(facts, workers)
    return response(
      Page(title: "Health", section: .health, scripts: ["runs.js"], content: content), status: status,
      headers: status == 200 ? [] : [("Retry-After", "2")])
  }

  /// What the page calls the figures of the JSON.
  private static let healthNames = [
    "redis": "Redis", "workers": "Workers that take runs", "queued": "Queued runs", "started": "Started runs",
    "drained": "Drained workers", "inbox": "Entries of the inbox", "callbacks": "Callbacks that wait",
    "fallbacks_last_hour": "Placeholders in the last hour",
  ]

  private static func name(_ key: String) -> String {
    let words = key.replacing("_", with: " ")
    return words.prefix(1).uppercased() + words.dropFirst()
  }

  /// - Parameter workers: nil where it is not known which are alive.
  private static func health(_ facts: JSONObject, _ workers: [JSONValue]?) -> HTML {
    var html = HTML()
    html.element("div", ["id": "live"]) { html in
      html.element("div", ["class": "head"]) { html in
        html.element("h1", "Health")
        html.badge(facts["status"]?.stringValue ?? "")
      }
      if let detail = facts["detail"]?.stringValue {
        html.element("div", ["class": "card alert"]) { $0.element("p", detail) }
      }
      for warning in (facts["warnings"]?.arrayValue ?? []).compactMap(\.stringValue) {
        html.element("div", ["class": "card notice"]) { html in html.element("p") { $0.prose(warning) } }
      }
      html.element("div", ["class": "card"]) { html in
        html.element("dl", ["class": "facts"]) { html in
          let others = ["status", "detail", "warnings", "missing", "repairs", "partitions_down"]
          for fact in facts.members where !others.contains(fact.key) {
            html.fact(healthNames[fact.key] ?? name(fact.key), fact.value.stringValue ?? fact.value.text)
          }
          for repair in facts["repairs"]?.objectValue?.members ?? [] {
            html.fact("Repairs: \(name(repair.key).lowercased())", repair.value.text)
          }
        }
      }
      html.element("section", ["class": "card", "aria-labelledby": "workers-title"]) { html in
        html.element("h2", ["id": "workers-title"], "Workers")
        if let workers {
          Self.workers(&html, workers)
        } else {
          html.element("p", ["class": "soft"], "Without Redis it is not known which workers are alive.")
        }
      }
    }
    return html
  }

  private static func workers(_ html: inout HTML, _ workers: [JSONValue]) {
    guard !workers.isEmpty else { return html.element("p", ["class": "soft"], "No worker is alive.") }
    html.element("table", ["class": "cards"]) { html in
      html.columns(["Worker", "State", "Host", "Version", "Since (UTC)", "Runs now#", "Most runs#"])
      html.element("tbody") { html in
        for case let worker? in workers.map(\.objectValue) {
          func text(_ name: String) -> String {
            guard let value = worker[name], value != .null else { return "" }
            return value.stringValue ?? value.text
          }
          html.element("tr") { html in
            html.element("th", ["scope": "row"], text("id"))
            html.cell("State", text("state"))
            html.cell("Host", text("host"))
            html.cell("Version", text("version"))
            html.element("td", ["data-label": "Since", "class": "when"]) {
              $0.time(worker["since_ts"]?.numberValue?.double)
            }
            html.cell("Runs now", text("runs"), kind: "number")
            html.cell("Most runs", text("slots"), kind: "number")
          }
        }
      }
    }
  }
}
