import ExactJSON
import Workflow

/// The OpenAPI 3.1 document of a list of routes.
struct OpenAPIDocument {
  let routes: [any Route]
  /// The schemas of what clients send.
  let requestSchemas: JSONObject
  /// The version of wf.
  let version: String
  /// Whether requests need a key.
  var needsKeys = false

  private typealias Answer = RouteDocumentation.Answer

  /// What every path answers.
  static let commonAnswers: [RouteDocumentation.Answer] = [
    .json(400, "Error", "The web server could not read the request."),
    .json(
      401, "Error",
      "The request has no key of this API; or the API answers clients on its own host only, or the site asks for credentials.",
      headers: ["WWW-Authenticate"]),
    .json(403, "Error", "The key does not allow the request."),
    .json(404, "Error", "Nothing is at this path."),
    .json(405, "Error", "The path answers other methods.", headers: ["Allow"]),
    .json(413, "Error", "The body is larger than it may be."),
    .json(414, "Error", "The address is longer than the web server reads."),
    .json(421, "Error", "The request's `Host` is not this API's."),
    .json(
      429, "Error", "Too many requests from this address at once, or the key's name has as much as it may have.",
      headers: ["Retry-After"]),
    .json(500, "Error", "What Redis holds is not what wf wrote."),
    .json(502, "Error", "The web server could not reach the API.", headers: ["Retry-After"]),
    .json(503, "Error", "Redis is not available or refuses, or the API has too much to do.", headers: ["Retry-After"]),
    .json(504, "Error", "The API did not answer in time.", headers: ["Retry-After"]),
  ]

  /// The headers of answers; `X-Request-ID` is that of every answer of the API.
  static let headers: [(name: String, schema: JSONObject, meaning: String)] = [
    ("Location", ["type": "string", "format": "uri-reference"], "the status of the run"),
    ("WWW-Authenticate", ["type": "string"], "how the request is to say who sends it"),
    ("Allow", ["type": "string"], "the methods that the path answers"),
    ("Retry-After", ["type": "integer", "minimum": 0], "seconds after which the request may be repeated"),
    ("Accept-Encoding", ["type": "string"], "the codings in which a body is read"),
    ("ETag", ["type": "string", "pattern": #"^(?:W/)?"[^"]*"$"#], "the state, for `If-None-Match`"),
    ("X-Request-ID", ["type": "string"], "the name of the request in the logs"),
  ]

  /// The document.
  var json: JSONObject {
    var document: JSONObject = [
      "openapi": "3.1.0",
      "info": [
        "title": "wf", "version": .string(version),
        "description": .string(
          "Small graphs of steps, submitted over HTTP: every accepted run ends exactly once, and a recorded step "
            + "never runs again."),
      ],
      "servers": [["url": "/"]],
      "paths": .object(paths),
      "components": .object(components),
    ]
    if needsKeys { document["security"] = [["key": []]] }
    return document
  }

  private var components: JSONObject {
    var components: JSONObject = [
      "schemas": .object(requestSchemas.merging(ResponseSchemas.all).merging(PageRoute.schemas)),
      "responses": .object(JSONObject(Self.commonAnswers.map { ("\($0.status)", .object($0.json(withPage: true))) })),
      "headers": .object(
        JSONObject(
          Self.headers.map { header in
            let meaning = JSONValue.string(header.meaning.asSentence)
            return (header.name, ["description": meaning, "schema": .object(header.schema)])
          })),
    ]
    if needsKeys {
      components["securitySchemes"] = [
        "key": ["type": "http", "scheme": "bearer", "description": "A key of this API, as `wf keys add` makes it."]
      ]
    }
    return components
  }

  /// The operations by path and method.
  private var paths: JSONObject {
    var paths = JSONObject()
    for route in routes {
      var methods = paths[route.template]?.objectValue ?? JSONObject()
      methods[String(decoding: route.method.utf8.map(ASCII.lowercase), as: UTF8.self)] = .object(
        route.documentation.json)
      paths[route.template] = .object(methods)
    }
    return paths
  }
}

extension Route {
  /// The path with the name of its parameter, such as `/status/{job_id}`.
  var template: String {
    let parameter = documentation.parameters.first { $0.place == .path }?.name ?? ""
    return pattern.map { $0 == "*" ? "/{\(parameter)}" : "/\($0)" }.joined()
  }
}
