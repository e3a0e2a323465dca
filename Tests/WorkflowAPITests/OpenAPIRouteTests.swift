import ExactJSON
import FastCGI
import Testing

@testable import WorkflowAPI

/// `GET /workflow/openapi.json`: the document and its routes.
@Suite(.timeLimit(.minutes(5))) struct OpenAPIRouteTests {
  private let api: TestAPI

  init() throws { api = try TestAPI() }

  private func document() async -> JSONObject { await api.answer("GET", "/workflow/openapi.json").json }

  @Test func `Every route is in the document, and nothing else`() async {
    let paths = await document()["paths"]?.objectValue ?? JSONObject()
    let documented = paths.members.flatMap { path in
      (path.value.objectValue?.keys ?? []).map { "\($0.uppercased()) \(path.key)" }
    }
    #expect(Set(documented) == Set(api.routes.map { "\($0.method) \($0.template)" }))
    #expect(documented.count == api.routes.count)
    #expect(documented.contains("GET /status/{job_id}/events"))
  }

  @Test func `Every reference leads to something`() async {
    let document = await document()
    let text = JSONValue.object(document).text
    let references = Set(text.matches(of: #/"\#\/components\/([A-Za-z0-9._\/-]+)"/#).map { "components/\($0.1)" })
    #expect(references.count > 20)
    for reference in references {
      let way = reference.split(separator: "/")
      let found = way.reduce(JSONValue.object(document) as JSONValue?) { $0?.objectValue?[String($1)] }
      #expect(found != nil, "\(reference)")
    }
  }

  @Test func `A parameter in the path is that of the pattern, and every operation has its own name`() {
    for route in api.routes {
      let count = route.documentation.parameters.count { $0.place == .path }
      #expect(count == route.pattern.count { $0 == "*" }, "\(route.template)")
    }
    let names = api.routes.map(\.documentation.id)
    #expect(Set(names).count == names.count)
  }

  @Test func `A client that has the document is told so, and each process writes the same one`() async throws {
    let first = await api.answer("GET", "/workflow/openapi.json")
    let tag = try #require(first.header("ETag"))
    #expect(first.status == 200 && first.header("Content-Type") == "application/json")
    let second = await api.answer("GET", "/workflow/openapi.json", headers: ["If-None-Match": tag])
    #expect(second.status == 304 && second.text == "" && second.header("ETag") == tag)
    let other = await (try TestAPI()).answer("GET", "/workflow/openapi.json")
    #expect(other.text == first.text && other.header("ETag") == tag)
    #expect(await api.answer("POST", "/workflow/openapi.json").header("Allow") == "GET, HEAD")
  }
}
