import ExactJSON
import Workflow
import WorkflowPages

/// The form of a submission, and the operations that its steps may name.
struct SubmitView {
  let form: SubmitForm
  let faults: [SubmitForm.Field: [FormFault]]
  /// Why the run was not accepted.
  let error: APIError?
  /// What `/workflow/ops` lists; nil while that is not known.
  let operations: [JSONValue]?
  let token: String

  var html: HTML {
    var html = HTML()
    html.element("div", ["class": "head"]) { $0.element("h1", "Submit a run") }
    alert(&html)
    html.element("div", ["class": "columns"]) { html in
      html.form("/workflow", token: token, name: "card") { html in
        html.void("input", ["type": "hidden", "name": "key", "value": form.key])
        html.element("div", ["class": "field"]) { html in
          html.element("label", ["for": "run_name"], "Name")
          html.void(
            "input",
            [
              "type": "text", "id": "run_name", "name": "run_name", "value": form.texts[.runName] ?? "",
              "maxlength": "200", "autocomplete": "off", "aria-invalid": isFaulty(.runName),
              "aria-describedby": description(.runName),
            ])
          html.faults(faults[.runName] ?? [], field: "run_name")
        }
        area(&html, .inputs, rows: 6, hint: "A JSON object. Steps refer to it: @inputs.text.")
        area(
          &html, .steps, rows: 12,
          hint: "A JSON array. Each step has an id and an op; needs names the steps that it waits for.")
        area(
          &html, .options, rows: 4,
          hint:
            "A JSON object with other fields of a run, such as {\"priority\": \"high\", \"labels\": {\"batch\": \"7\"}}. May be empty."
        )
        html.element("div", ["class": "actions"]) { html in
          html.element("button", ["class": "main"], "Submit")
          html.element("a", ["href": "/workflow/docs#schema-Workflow"], "All fields")
        }
      }
      html.element("section", ["class": "card", "aria-labelledby": "operations-title"]) { operations(&$0) }
    }
    return html
  }

  private func alert(_ html: inout HTML) {
    guard let error else { return }
    let count = faults.values.reduce(0) { $0 + $1.count }
    html.element("div", ["class": "card alert", "role": "alert"]) { html in
      guard count > 0 else {
        html.element("p", "The run was not accepted: \(error.sentence)")
        return
      }
      html.element("p") { html in
        html.text("The run was not accepted. \(count == 1 ? "One fault" : "\(count) faults"): ")
        for field in SubmitForm.Field.allCases where faults[field] != nil {
          html.element("a", ["href": "#\(field.rawValue)"], field.label)
          html.text(" ")
        }
      }
    }
  }

  private func isFaulty(_ field: SubmitForm.Field) -> String? { faults[field] == nil ? nil : "true" }

  private func description(_ field: SubmitForm.Field) -> String? {
    let names =
      (faults[field] == nil ? [] : ["\(field.rawValue)-faults"]) + (field == .runName ? [] : ["\(field.rawValue)-hint"])
    return names.isEmpty ? nil : names.joined(separator: " ")
  }

  private func area(_ html: inout HTML, _ field: SubmitForm.Field, rows: Int, hint: String) {
    let name = field.rawValue
    html.element("div", ["class": "field"]) { html in
      html.element("label", ["for": name], field.label)
      // A parser drops a line feed that a text begins with.
      html.element(
        "textarea",
        [
          "id": name, "name": name, "rows": "\(rows)", "spellcheck": "false", "autocapitalize": "off",
          "aria-invalid": isFaulty(field), "aria-describedby": description(field),
        ], "\n" + (form.texts[field] ?? ""))
      html.faults(faults[field] ?? [], field: name)
      html.element("p", ["class": "hint", "id": "\(name)-hint"], hint)
    }
  }

  private func operations(_ html: inout HTML) {
    html.element("h2", ["id": "operations-title"], "Operations")
    guard let operations else {
      html.element("p", ["class": "soft"], "They cannot be listed now: Redis does not answer.")
      return
    }
    for case let operation? in operations.map(\.objectValue) {
      let name = operation["op"]?.stringValue ?? ""
      html.element("details", ["class": "document"]) { html in
        html.element("summary") { html in
          html.element("code", name)
          if operation["workers"]?.numberValue?.int == 0 { html.element("small", " no live worker has it") }
        }
        SchemaTable(operation["params"]?.objectValue ?? JSONObject(), link: "/workflow/docs#schema-").write(to: &html)
        html.element("button", ["type": "button", "data-op": name, "hidden": ""], "Add a step")
      }
    }
  }
}
