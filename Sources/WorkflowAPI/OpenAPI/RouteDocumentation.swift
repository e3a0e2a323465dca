import ExactJSON
import Workflow

/// What the OpenAPI document says of a route.
struct RouteDocumentation: Sendable {
  /// A part of a request besides its body.
  struct Parameter: Sendable {
    enum Place: String, Sendable {
      case path, query, header
    }

    let name: String
    let place: Place
    let schema: JSONObject
    let meaning: String
    var isRequired = false
  }

  /// What the route answers with a status.
  struct Answer: Sendable {
    let status: Int
    let meaning: String
    /// The type of its body, and the JSON Schema of that; nil where it has no body.
    var content: (type: String, schema: JSONObject)?
    /// Other types in which the body may come.
    var others: [String] = []
    /// The names of its headers; each is in ``OpenAPIDocument/headers``.
    var headers: [String] = []
    var example: JSONValue?
    /// Requests that its body makes possible (OpenAPI 3.1, "Link Object").
    var links: JSONObject?

    /// An answer with a body in JSON, whose schema has a name.
    static func json(
      _ status: Int, _ schema: String, _ meaning: String, headers: [String] = [], example: JSONValue? = nil,
      links: JSONObject? = nil
    ) -> Self {
      Self(
        status: status, meaning: meaning, content: ("application/json", Field.reference(schema)), headers: headers,
        example: example, links: links)
    }

    /// An answer without a body.
    static func empty(_ status: Int, _ meaning: String, headers: [String] = []) -> Self {
      Self(status: status, meaning: meaning, headers: headers)
    }
  }

  /// The name of the operation, for programs that are made from the document.
  let id: String
  /// What it does, in a few words.
  let summary: String
  /// What else there is to know, in Markdown.
  var description = ""
  /// The parameter in the path comes first.
  var parameters: [Parameter] = []
  /// The name of the schema of the body in JSON, and examples by name; nil for a request without a body.
  var body: (schema: String, examples: JSONObject)?
  /// The type of the body.
  var bodyType = "application/json"
  /// Whether a browser gets a page from the same path.
  var hasPage = false
  /// Whether it is answered without a key.
  var isPublic = false
  /// What is answered besides what every path answers (``OpenAPIDocument/commonAnswers``).
  let answers: [Answer]
}

extension RouteDocumentation.Parameter {
  /// The parameter of the path that names a run.
  static let jobID = Self(
    name: "job_id", place: .path, schema: ["type": "string", "format": "uuid"],
    meaning: "the id that the submission answered", isRequired: true)
  /// The parameter of the path that names a callback.
  static let callbackID = Self(
    name: "callback_id", place: .path, schema: ["type": "string", "pattern": "^[0-9a-f-]{36,64}$"],
    meaning: "the callback's id, its `webhook-id`: the id of the run, and a suffix where the run has ended before",
    isRequired: true)
  /// The entity tags that the client has.
  static let ifNoneMatch = Self(
    name: "If-None-Match", place: .header, schema: ["type": "string"],
    meaning: "the entity tags that the client has; with the current one the answer is 304")
}

extension RouteDocumentation.Answer {
  /// 404 where there is no such run.
  static let noJob = json(404, "Error", "There is no job of this id, or it has expired.")
  /// 404 where there is no such callback.
  static let noCallback = json(404, "Error", "There is no callback of this id, or it has expired.")
  /// 422 for a query or a header that cannot be read.
  static let invalid = json(422, "ValidationError", "Every fault of the request.")
}

extension RouteDocumentation {
  /// The operation as OpenAPI writes it.
  var json: JSONObject {
    var operation: JSONObject = ["operationId": .string(id), "summary": .string(summary)]
    if !description.isEmpty { operation["description"] = .string(description) }
    if !parameters.isEmpty { operation["parameters"] = .array(parameters.map { .object($0.json) }) }
    if let body {
      operation["requestBody"] = [
        "required": true,
        "content": [
          bodyType: .object(
            JSONObject(
              [("schema", .object(Field.reference(body.schema)))]
                + (body.examples.isEmpty ? [] : [("examples", .object(body.examples))])))
        ],
      ]
    }
    if isPublic { operation["security"] = [] }
    let own = answers.map { ("\($0.status)", JSONValue.object($0.json(withPage: hasPage))) }
    let common = OpenAPIDocument.commonAnswers.filter { answer in !answers.contains { $0.status == answer.status } }
    let others = common.map { answer in
      ("\(answer.status)", JSONValue.object(["$ref": .string("#/components/responses/\(answer.status)")]))
    }
    operation["responses"] = .object(JSONObject((own + others).sorted { $0.0 < $1.0 }))
    return operation
  }
}

extension RouteDocumentation.Parameter {
  fileprivate var json: JSONObject {
    var parameter: JSONObject = [
      "name": .string(name), "in": .string(place.rawValue), "description": .string(meaning.asSentence),
    ]
    if isRequired { parameter["required"] = true }
    parameter["schema"] = .object(schema)
    return parameter
  }
}

extension RouteDocumentation.Answer {
  /// The answer as OpenAPI writes it. Every answer has the id of its request.
  /// - Parameter withPage: whether a browser gets a page in its place.
  func json(withPage: Bool) -> JSONObject {
    let names = headers + ["X-Request-ID"]
    var answer: JSONObject = [
      "description": .string(meaning),
      "headers": .object(
        JSONObject(names.map { ($0, .object(["$ref": .string("#/components/headers/\($0)")])) })),
    ]
    if let content {
      var media: JSONObject = ["schema": .object(content.schema)]
      if let example { media["example"] = example }
      var types = JSONObject(([content.type] + others).map { ($0, .object(media)) })
      if withPage { types["text/html"] = ["schema": ["type": "string"]] }
      answer["content"] = .object(types)
    }
    if let links { answer["links"] = .object(links) }
    return answer
  }
}
