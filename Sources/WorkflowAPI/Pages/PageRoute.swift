import ExactJSON
import FastCGI
import Workflow

/// A path that has a page alone. The server asks ``Pages`` for it before it asks the routes; here it is documented, and
/// its methods are known.
struct PageRoute: Route {
  let method: String
  let pattern: [String]
  let documentation: RouteDocumentation
  let pages: Pages

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    guard let place = PagePlace(request) else { throw .notFound("Not Found") }
    return try await pages.answer(place, request, context)
  }

  /// All of them.
  static func all(_ pages: Pages) -> [any Route] {
    documentations.map { method, pattern, documentation in
      PageRoute(method: method, pattern: pattern, documentation: documentation, pages: pages)
    }
  }

  private typealias Answer = RouteDocumentation.Answer

  private static let documentations: [(String, [String], RouteDocumentation)] = [
    (
      "GET", ["workflow"],
      RouteDocumentation(
        id: "getSubmitPage", summary: "The page with the form of a submission", answers: [.page("The form.")])
    ),
    (
      "POST", ["workflow"],
      RouteDocumentation(
        id: "postSubmitForm", summary: "Submits a run by the form of the page",
        description: "For programs there is `POST /workflow/run`.",
        body: ("SubmitForm", [:]), bodyType: formType,
        answers: [.found, .foreignForm, .otherType, .page("The run was not accepted.", status: 409), .faultyForm])
    ),
    (
      "GET", ["workflow", "docs"],
      RouteDocumentation(id: "getDocs", summary: "This document as a page", answers: [.page("The documentation.")])
    ),
    (
      "GET", ["workflow", "login"],
      RouteDocumentation(
        id: "getLoginPage", summary: "The page with the form of the login", isPublic: true,
        answers: [.page("The form."), .empty(303, "This API wants no key.", headers: ["Location"])])
    ),
    (
      "POST", ["workflow", "login"],
      RouteDocumentation(
        id: "postLoginForm", summary: "Puts a key into a cookie of the browser",
        body: ("LoginForm", [:]), bodyType: formType, isPublic: true,
        answers: [.found, .foreignForm, .otherType])
    ),
    (
      "POST", ["workflow", "logout"],
      RouteDocumentation(
        id: "postLogoutForm", summary: "Removes the key from the browser",
        body: ("LogoutForm", [:]), bodyType: formType, isPublic: true, answers: [.found, .foreignForm])
    ),
    (
      "GET", ["workflow", "assets", "*"],
      RouteDocumentation(
        id: "getAsset", summary: "A style sheet or a script of the pages",
        parameters: [
          .init(
            name: "file", place: .path, schema: ["type": "string", "pattern": "^[a-z]+[.][0-9a-f]{12}[.](?:css|js)$"],
            meaning: "its name, with the beginning of its digest", isRequired: true)
        ],
        isPublic: true,
        answers: [
          .init(
            status: 200, meaning: "The file.", content: ("text/css", ["type": "string"]), others: ["text/javascript"]),
          .json(404, "Error", "There is no such file."),
        ])
    ),
  ]

  private static let formType = "application/x-www-form-urlencoded"

  /// The schemas of forms.
  static let schemas: JSONObject = [
    "SubmitForm": .object(
      Field.object([
        token, Field("run_name", .value(.string()), "the name"),
        Field("inputs", .value(.string()), "the inputs, as JSON"),
        Field("steps", .value(.string()), "the steps, as JSON"),
        Field("options", .value(.string()), "an object with other fields of the run, as JSON"),
        Field("key", .value(.string()), "makes a form that is sent twice one run"),
      ])),
    "LoginForm": .object(
      Field.object([
        token, Field("key", .value(.string()), default: .required, "the key"),
        Field("next", .value(.string()), "the page to which the login leads"),
      ])),
    "LogoutForm": .object(Field.object([token])),
  ]

  private static let token = Field(
    "csrf", .value(.string()), default: .required, "the token of the form, which follows from a cookie and the key")
}

extension RouteDocumentation.Answer {
  /// A page.
  fileprivate static func page(_ meaning: String, status: Int = 200) -> Self {
    Self(status: status, meaning: meaning, content: ("text/html", ["type": "string"]))
  }

  fileprivate static let found = empty(303, "It is done; `Location` is the page that shows it.", headers: ["Location"])
  fileprivate static let foreignForm = json(
    403, "Error", "The token of the form is missing, or that of another browser or key.")
  fileprivate static let otherType = json(415, "Error", "The body is no form.")
  fileprivate static let faultyForm = page("The form with its faults.", status: 422)
}
