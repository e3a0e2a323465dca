import ExactJSON
import FastCGI
import Workflow
import WorkflowPages

extension PageVisit {
  /// `GET /workflow`: the form with an example in it.
  func submitForm() async throws(APIError) -> FastCGIResponse { try await formPage(SubmitForm.example, [:], nil) }

  /// `POST /workflow`: submits the run of the form, or shows the form again with its faults.
  func submit() async throws(APIError) -> FastCGIResponse {
    guard FormBody.isForm(request) else {
      throw .noForm("this path reads the form of its page; workflows in JSON are posted to /workflow/run")
    }
    if case .tooLarge(let limit) = request.body { throw .tooLarge(limit: limit) }
    try FormToken.check(request, context.key)
    let form = SubmitForm(FormBody(request))
    let body: JSONObject
    switch form.body {
    case .failure(let faults): return try await formPage(form, faults.byField, .invalid([]))
    case .success(let object): body = object
    }
    let order = FastCGIRequest(
      method: "POST", target: "/workflow/run",
      headers: ["Content-Type": "application/json", "Idempotency-Key": form.key],
      body: .complete(JSONValue.object(body).bytes))
    do throws(APIError) {
      let response = try await pages.router.answer(order, context)
      guard let place = response.headers.first(where: { $0.name == "Location" })?.value else {
        throw APIError.damaged("a submission answered no Location")
      }
      return redirect(to: place)
    } catch {
      if let reason = error.reason { context.note("reason", reason) }
      guard case .invalid(let faults) = error else { return try await formPage(form, [:], error) }
      return try await formPage(form, SubmitForm.byField(faults), error)
    }
  }

  private func formPage(
    _ form: SubmitForm, _ faults: [SubmitForm.Field: [FormFault]], _ error: APIError?
  ) async throws(APIError) -> FastCGIResponse {
    guard context.mayChange else {
      throw .forbidden("this key may only read (its role is read); to submit runs needs the role user or admin")
    }
    let operations: [JSONValue]?
    // The form is of use without them, while Redis is away.
    do { operations = try await answer("/workflow/ops").json["operations"]?.arrayValue } catch { operations = nil }
    let view = SubmitView(form: form, faults: faults, error: error, operations: operations, token: viewer.token)
    let page = Page(title: "Submit a run", section: .submit, scripts: ["submit.js"], content: view.html)
    let headers = (error?.response.headers ?? []).filter { $0.name == "Retry-After" }
    return response(page, status: error?.status ?? 200, headers: headers)
  }
}

/// The form of a submission: the name, and JSON for the rest.
struct SubmitForm {
  /// A field.
  enum Field: String, CaseIterable {
    case runName = "run_name", inputs, steps, options

    /// What it is called in the form.
    var label: String {
      switch self {
      case .runName: "Name"
      case .inputs: "Inputs"
      case .steps: "Steps"
      case .options: "More fields"
      }
    }
  }

  /// The faults of texts that are no JSON.
  struct Faults: Error {
    var byField: [Field: [FormFault]] = [:]
  }

  /// What is in the fields.
  var texts: [Field: String]
  /// Makes a form that is sent twice one run.
  let key: String

  /// A form with the example of the documentation.
  static var example: Self {
    let body = WorkflowSchema.examples["summarize"]?.objectValue?["value"]?.objectValue ?? JSONObject()
    func text(_ name: String) -> String {
      String(decoding: JSONText(body[name] ?? .null, limit: 1 << 20).bytes, as: UTF8.self)
    }
    // One step a line reads better than one member a line.
    let steps = (body["steps"]?.arrayValue ?? []).map { "  \($0.text)" }
    return Self(
      texts: [
        .runName: body["run_name"]?.stringValue ?? "", .inputs: text("inputs"),
        .steps: "[\n\(steps.joined(separator: ",\n"))\n]",
      ], key: newKey())
  }

  private init(texts: [Field: String], key: String) {
    self.texts = texts
    self.key = key
  }

  /// What a browser has sent.
  init(_ form: FormBody) {
    texts = Dictionary(uniqueKeysWithValues: Field.allCases.map { ($0, form.text($0.rawValue) ?? "") })
    let given = form.text("key") ?? ""
    let isGood = (1...64).contains(given.utf8.count) && given.utf8.allSatisfy { (0x30...0x7a).contains($0) }
    key = isGood ? given : Self.newKey()
  }

  private static func newKey() -> String {
    var generator = SystemRandomNumberGenerator()
    return "form" + String(UInt64.random(in: .min ... .max, using: &generator), radix: 36)
  }

  /// The body of the submission.
  var body: Result<JSONObject, Faults> {
    var object: JSONObject = ["run_name": .string(texts[.runName] ?? "")]
    var faults = Faults()
    for field in [Field.inputs, .steps, .options] {
      let text = texts[field] ?? ""
      if text.utf8.allSatisfy({ [0x20, 0x09, 0x0a, 0x0d].contains($0) }) { continue }
      do throws(JSONError) {
        let value = try JSONValue(parsing: text)
        if field == .options { add(value, to: &object, &faults) } else { object[field.rawValue] = value }
      } catch {
        faults.byField[field] = [FormFault(way: [], message: Self.message(error, in: text))]
      }
    }
    return faults.byField.isEmpty ? .success(object) : .failure(faults)
  }

  private func add(_ options: JSONValue, to object: inout JSONObject, _ faults: inout Faults) {
    guard let options = options.objectValue else {
      faults.byField[.options] = [
        FormFault(way: [], message: "An object is expected, such as {\"priority\": \"high\"}")
      ]
      return
    }
    for member in options.members {
      if ["run_name", "inputs", "steps"].contains(where: member.key.hasSameScalars) {
        faults.byField[.options, default: []].append(
          FormFault(way: [.string(member.key)], message: "It has a field above; leave it out here"))
      } else {
        object[member.key] = member.value
      }
    }
  }

  private static func message(_ error: JSONError, in text: String) -> String {
    "This is no JSON: \(JSONBody.place(of: error, in: text.utf8)): \(error)"
  }

  /// The faults of a body by the fields of the form.
  static func byField(_ faults: [ValidationFault]) -> [Field: [FormFault]] {
    var found: [Field: [FormFault]] = [:]
    for fault in faults {
      let way = fault.location.map { element -> JSONValue in
        switch element {
        case .key(let key): .string(key)
        case .index(let index): .number(JSONNumber(index))
        }
      }
      let name = way.dropFirst().first?.stringValue ?? ""
      let field = Field.allCases.first { $0.rawValue.hasSameScalars(as: name) } ?? .options
      let rest = way.dropFirst(field == .options ? 1 : 2)
      found[field, default: []].append(FormFault(way: Array(rest), message: fault.message))
    }
    return found
  }
}
