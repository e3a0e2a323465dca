import ExactJSON
import Workflow
import WorkflowPages

/// What the documentation says of one method of one path.
struct DocsRoute {
  let operation: DocsView.Operation
  let document: JSONObject
  let siteURL: String
  /// Whether requests need a key.
  let needsKeys: Bool

  func write(to html: inout HTML) {
    html.element("article", ["class": "route", "id": operation.id]) { html in
      html.element("h3") { html in
        html.element("span", ["class": "method"], operation.method)
        html.text(" \(operation.path)")
      }
      html.element("p") { html in
        html.prose(operation.summary + ".")
        if let text = operation.content["description"]?.stringValue { html.prose(" " + text) }
      }
      parameters(&html)
      body(&html)
      if let command {
        html.element("pre", ["class": "command", "tabindex": "0", "aria-label": "Command"], command)
      }
      answers(&html)
    }
  }

  private var parameters: [JSONObject] {
    (operation.content["parameters"]?.arrayValue ?? []).compactMap(\.objectValue)
  }

  private func parameters(_ html: inout HTML) {
    guard !parameters.isEmpty else { return }
    html.element("h4", "Parameters")
    // As members of an object, so that their types are written as those of fields are.
    for place in ["path", "query", "header"] {
      let own = parameters.filter { $0["in"] == .string(place) }
      guard !own.isEmpty else { continue }
      html.element("p", ["class": "hint"], "In the \(place):")
      let properties = own.map { parameter -> (key: String, value: JSONValue) in
        var schema = parameter["schema"]?.objectValue ?? JSONObject()
        schema["description"] = parameter["description"] ?? .string("")
        return (parameter["name"]?.stringValue ?? "", .object(schema))
      }
      let required = own.filter { $0["required"] == .bool(true) }.compactMap { $0["name"] }
      SchemaTable(["properties": .object(JSONObject(properties)), "required": .array(required)], link: "#schema-")
        .write(to: &html)
    }
  }

  /// The type of the body, its schema and its first example.
  private var requestBody: (type: String, schema: String, example: JSONValue?)? {
    guard let content = operation.content["requestBody"]?.objectValue?["content"]?.objectValue?.members.first,
      let media = content.value.objectValue
    else { return nil }
    let reference = media["schema"]?.objectValue?["$ref"]?.stringValue ?? ""
    let example = media["examples"]?.objectValue?.members.first?.value.objectValue?["value"]
    return (content.key, String(reference.split(separator: "/").last ?? ""), example)
  }

  private func body(_ html: inout HTML) {
    guard let requestBody else { return }
    html.element("h4", "Body")
    html.element("p") { html in
      html.element("code", requestBody.type)
      html.text(": ")
      html.element("a", ["href": "#schema-\(requestBody.schema)"], requestBody.schema)
    }
  }

  private func answers(_ html: inout HTML) {
    let answers = (operation.content["responses"]?.objectValue?.members ?? []).filter { answer in
      answer.value.objectValue?["$ref"] == nil
    }
    html.element("h4", "Answers")
    html.element("table", ["class": "cards"]) { html in
      html.columns(["Status", "Body", "Meaning"])
      html.element("tbody") { html in
        for answer in answers {
          let content = answer.value.objectValue ?? JSONObject()
          html.element("tr") { html in
            html.element("th", ["scope": "row"], answer.key)
            html.element("td") { html in
              for (index, media) in (content["content"]?.objectValue?.members ?? []).enumerated() {
                if index > 0 { html.text(", ") }
                let reference = media.value.objectValue?["schema"]?.objectValue?["$ref"]?.stringValue
                guard let name = reference?.split(separator: "/").last else {
                  html.element("code", media.key)
                  continue
                }
                html.element("a", ["href": "#schema-\(name)"], String(name))
              }
            }
            html.element("td") { $0.prose(content["description"]?.stringValue ?? "") }
          }
        }
      }
    }
  }

  /// Values of parameters of paths in commands.
  private static let examples = [
    "job_id": "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2", "callback_id": "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2",
    "namespace": "summaries", "name": "nightly", "id": "worker-1",
  ]

  /// The command that sends such a request; nil for a form, which only a page can send.
  var command: String? {
    if let requestBody, requestBody.type != "application/json" { return nil }
    if operation.path.hasSuffix("/logout") || operation.path.contains("/assets/") { return nil }
    var path = operation.path
    for (name, value) in Self.examples { path = path.replacing("{\(name)}", with: value) }
    let steersMany = operation.method == "POST" && parameters.contains { $0["name"] == "label" }
    if steersMany { path += "?label=batch%3D7" }
    var words = ["curl"]
    if operation.id == "getEvents" { words.append("-N") }
    if operation.method != "GET" { words += ["-X", operation.method] }
    words.append(Self.quoted(siteURL + path))
    if needsKeys, operation.content["security"] == nil { words.append("-H \"Authorization: Bearer $WF_API_KEY\"") }
    if operation.content["responses"]?.objectValue?["200"]?.objectValue?["content"]?.objectValue?.members.first?.key
      == "text/html"
    {
      words.append("-H 'Accept: text/html'")
    }
    if let requestBody {
      words.append("-H 'Content-Type: application/json'")
      words.append("-d \(Self.quoted((requestBody.example ?? [:]).text))")
    }
    return words.joined(separator: " ")
  }

  /// A text as one word of a shell.
  private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }
}
