import ExactJSON
import Workflow
import WorkflowPages

/// The members of a JSON Schema as a table.
struct SchemaTable {
  private let properties: [JSONObject.Member]
  private let required: [String]
  /// What the name of a schema follows in a link to it.
  private let link: String

  init(_ schema: JSONObject, link: String) {
    properties = schema["properties"]?.objectValue?.members ?? []
    required = (schema["required"]?.arrayValue ?? []).compactMap(\.stringValue)
    self.link = link
  }

  /// Whether it has no member to show.
  var isEmpty: Bool { properties.isEmpty }

  func write(to html: inout HTML) {
    guard !isEmpty else { return html.element("p", ["class": "soft"], "No parameters.") }
    html.element("div", ["class": "scroll"]) { html in
      html.element("table", ["class": "cards"]) { html in
        html.columns(["Name", "Type", "Default", "Meaning"])
        html.element("tbody") { html in
          for property in properties {
            let schema = property.value.objectValue ?? JSONObject()
            html.element("tr") { html in
              html.element("th", ["scope": "row"]) { $0.element("code", property.key) }
              html.element("td", ["data-label": "Type"]) { type(&$0, schema, depth: 0) }
              html.cell("Default", value(schema, isRequired: required.contains { $0.hasSameScalars(as: property.key) }))
              html.element("td") { html in
                html.prose(schema["description"]?.stringValue ?? "")
                let range = Self.range(schema)
                if !range.isEmpty { html.element("div", ["class": "soft"], range) }
              }
            }
          }
        }
      }
    }
  }

  private func value(_ schema: JSONObject, isRequired: Bool) -> String {
    if isRequired { return "required" }
    return schema["default"]?.text.cut(toBytes: 200) ?? ""
  }

  /// Writes the type of a value, with links to the schemas that it refers to.
  private func type(_ html: inout HTML, _ schema: JSONObject, depth: Int) {
    if let reference = schema["$ref"]?.stringValue {
      let name = String(reference.split(separator: "/").last ?? "")
      return html.element("a", ["href": link + name], name)
    }
    if let value = schema["const"] { return html.element("code", value.text.cut(toBytes: 100)) }
    if let values = schema["enum"]?.arrayValue {
      return html.text(values.map { $0.stringValue ?? $0.text }.joined(separator: ", ").cut(toBytes: 600))
    }
    for key in ["anyOf", "oneOf"] {
      guard let parts = schema[key]?.arrayValue, depth < 3 else { continue }
      for (index, part) in parts.enumerated() {
        if index > 0 { html.text(" or ") }
        type(&html, part.objectValue ?? JSONObject(), depth: depth + 1)
      }
      return
    }
    let names = schema["type"]?.stringValue.map { [$0] } ?? (schema["type"]?.arrayValue ?? []).compactMap(\.stringValue)
    html.text(names.isEmpty ? "any JSON" : names.joined(separator: " or "))
    let inner = schema["items"]?.objectValue ?? schema["additionalProperties"]?.objectValue
    if let inner, !inner.isEmpty, depth < 3 {
      html.text(" of ")
      type(&html, inner, depth: depth + 1)
    }
  }

  /// What bounds a value.
  private static func range(_ schema: JSONObject) -> String {
    let words = [
      ("minimum", "at least"), ("maximum", "at most"), ("minLength", "characters at least:"),
      ("maxLength", "characters at most:"), ("minItems", "elements at least:"), ("maxItems", "elements at most:"),
      ("pattern", "pattern"), ("format", "format"),
    ]
    let parts = words.compactMap { key, word in
      schema[key].map { "\(word) \(($0.stringValue ?? $0.text).cut(toBytes: 120))" }
    }
    return parts.joined(separator: ", ")
  }
}
