import ExactJSON
import FastCGI
import Synchronization
import Workflow
import WorkflowPages

extension PageVisit {
  /// `GET /workflow/docs`: the OpenAPI document for people.
  func docs() async throws(APIError) -> FastCGIResponse {
    let document = try await pages.router.answer(
      FastCGIRequest(method: "GET", target: "/workflow/openapi.json"), context)
    let tag = document.headers.first { $0.name == "ETag" }?.value ?? ""
    let known = pages.writtenDocs.withLock { $0 }
    if let known, known.tag.hasSameScalars(as: tag) { return docsPage(known.content) }
    guard case .bytes(let text) = document.body else { throw .damaged("the OpenAPI document is no text") }
    let content = DocsView((try? JSONValue(deeply: text))?.objectValue ?? JSONObject(), siteURL: pages.siteURL).html
    pages.writtenDocs.withLock { $0 = (tag, content) }
    return docsPage(content)
  }

  private func docsPage(_ content: HTML) -> FastCGIResponse {
    response(Page(title: "Docs", section: .docs, content: content))
  }
}

/// Documentation from an OpenAPI document.
struct DocsView {
  private let document: JSONObject
  private let siteURL: String

  /// One method of one path.
  struct Operation {
    let path: String
    let method: String
    let content: JSONObject

    var id: String { content["operationId"]?.stringValue ?? "" }
    var summary: String { content["summary"]?.stringValue ?? "" }
  }

  /// - Parameter siteURL: what the paths in commands follow.
  init(_ document: JSONObject, siteURL: String) {
    self.document = document
    self.siteURL = siteURL
  }

  /// The schemas by name.
  var schemas: [JSONObject.Member] {
    document["components"]?.objectValue?["schemas"]?.objectValue?.members ?? []
  }

  private var needsKeys: Bool { document["security"] != nil }

  private var operations: [Operation] {
    (document["paths"]?.objectValue?.members ?? []).flatMap { path in
      (path.value.objectValue?.members ?? []).map { method in
        Operation(
          path: path.key, method: method.key.uppercased(), content: method.value.objectValue ?? JSONObject())
      }
    }
  }

  /// The operations by what they are about, in the order of the page.
  private var groups: [(name: String, operations: [Operation])] {
    let names = ["Runs", "Steering runs", "Schedules", "Stores", "Callbacks", "Service", "Pages"]
    let all = operations
    return names.map { name in (name, all.filter { Self.group($0.path) == name }) }.filter { !$0.operations.isEmpty }
  }

  private static func group(_ path: String) -> String {
    if ["/workflow", "/workflow/docs", "/workflow/login", "/workflow/logout"].contains(path) { return "Pages" }
    let rules = [
      ("/workflow/assets", "Pages"), ("/workflow/schedules", "Schedules"), ("/workflow/stores", "Stores"),
      ("/workflow/callbacks", "Callbacks"), ("/status/callbacks", "Callbacks"), ("/workflow/run", "Runs"),
      ("/workflow/workers", "Service"), ("/workflow/ops", "Service"), ("/workflow/openapi.json", "Service"),
      ("/status/health", "Service"), ("/status/workers", "Service"), ("/status/usage", "Service"),
      ("/status", "Runs"),
    ]
    if path.hasPrefix("/workflow/runs/") { return "Steering runs" }
    return rules.first { path.hasPrefix($0.0) }?.1 ?? "Steering runs"
  }

  var html: HTML {
    var html = HTML()
    html.element("div", ["class": "docs"]) { html in
      contents(&html)
      html.element("div") { html in
        introduction(&html)
        for (name, operations) in groups {
          html.element("section", ["class": "card", "aria-labelledby": Self.anchor(name)]) { html in
            html.element("h2", ["id": Self.anchor(name)], name)
            for operation in operations {
              DocsRoute(operation: operation, document: document, siteURL: siteURL, needsKeys: needsKeys).write(
                to: &html)
            }
          }
        }
        errors(&html)
        fields(&html)
      }
    }
    return html
  }

  private static func anchor(_ name: String) -> String {
    String(decoding: name.utf8.map { $0 == 0x20 ? 0x2d : ASCII.lowercase($0) }, as: UTF8.self)
  }

  private func contents(_ html: inout HTML) {
    html.element("nav", ["aria-label": "Contents", "class": "card"]) { html in
      html.element("ul") { html in
        for name in ["Start"] + groups.map(\.name) + ["Errors", "Fields"] {
          html.element("li") { $0.element("a", ["href": "#\(Self.anchor(name))"], name) }
        }
      }
    }
  }

  private func introduction(_ html: inout HTML) {
    let info = document["info"]?.objectValue
    html.element("section", ["class": "card", "aria-labelledby": "start"]) { html in
      html.element("h1", ["id": "start"], "wf \(info?["version"]?.stringValue ?? "")")
      html.element("p") { $0.prose(info?["description"]?.stringValue ?? "") }
      if needsKeys {
        html.element("p") { html in
          html.prose(
            "Each request needs a key, in the header `Authorization: Bearer KEY`. The commands below take it from the environment:"
          )
        }
        html.element("pre", ["tabindex": "0"], "export WF_API_KEY=KEY")
      } else {
        html.element("p", "Requests need no key.")
      }
      html.element("p") { html in
        html.text("Programs read the same from ")
        html.element("a", ["href": "/workflow/openapi.json"], "openapi.json")
        html.prose(
          " (OpenAPI 3.1). Where a path has both JSON and a page, `Accept` decides; JSON is what a client gets that does not ask for HTML."
        )
      }
    }
  }

  /// What every path may answer.
  private func errors(_ html: inout HTML) {
    let answers = document["components"]?.objectValue?["responses"]?.objectValue?.members ?? []
    html.element("section", ["class": "card", "aria-labelledby": "errors"]) { html in
      html.element("h2", ["id": "errors"], "Errors")
      html.element("p") { html in
        html.prose(
          "Besides what its own list says, each path may answer these. The body is `{\"detail\": …}`: a sentence, or with 422 all faults, each with `type`, `loc`, `msg` and `input`."
        )
      }
      html.element("table", ["class": "cards"]) { html in
        html.columns(["Status", "Meaning"])
        html.element("tbody") { html in
          for answer in answers {
            html.element("tr") { html in
              html.element("th", ["scope": "row", "id": "error-\(answer.key)"], answer.key)
              html.element("td") { $0.prose(answer.value.objectValue?["description"]?.stringValue ?? "") }
            }
          }
        }
      }
    }
  }

  /// The schemas.
  private func fields(_ html: inout HTML) {
    html.element("section", ["class": "card", "aria-labelledby": "fields"]) { html in
      html.element("h2", ["id": "fields"], "Fields")
      for schema in schemas {
        let content = schema.value.objectValue ?? JSONObject()
        html.element("div", ["class": "route", "id": "schema-\(schema.key)"]) { html in
          html.element("h3", schema.key)
          if let text = content["description"]?.stringValue { html.element("p") { $0.prose(text) } }
          let table = SchemaTable(content, link: "#schema-")
          if !table.isEmpty { return table.write(to: &html) }
          html.element("pre", ["tabindex": "0", "aria-label": "Schema of \(schema.key)"]) { html in
            html.text(bytes: JSONText(schema.value, limit: 16 << 10).bytes)
          }
        }
      }
    }
  }
}
