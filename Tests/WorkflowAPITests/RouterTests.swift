import FastCGI
import Testing

@testable import WorkflowAPI

@Suite(.timeLimit(.minutes(5))) struct RouterTests {
  private let api: TestAPI

  init() throws { api = try TestAPI() }

  /// A route that answers with its name and the segment that matched `*`.
  private struct EchoRoute: Route {
    let method: String
    let pattern: [String]
    let name: String
    var documentation: RouteDocumentation { RouteDocumentation(id: name, summary: name, answers: []) }

    func answer(
      _ request: FastCGIRequest, argument: String, _ context: RequestContext
    ) async throws(APIError) -> FastCGIResponse {
      FastCGIResponse(body: .bytes(Array("\(name) \(argument)".utf8)))
    }
  }

  private static let router = Router([
    EchoRoute(method: "GET", pattern: ["a", "fixed"], name: "fixed"),
    EchoRoute(method: "GET", pattern: ["a", "*"], name: "any"),
    EchoRoute(method: "POST", pattern: ["b"], name: "post"),
  ])

  private func answer(_ method: String, _ target: String) async -> Answer {
    let request = FastCGIRequest(method: method, target: target)
    do throws(APIError) {
      return Answer(try await Self.router.answer(request, RequestContext(request)))
    } catch {
      return Answer(error.response)
    }
  }

  @Test(arguments: [
    ("GET", "/a/fixed", "fixed "), ("GET", "/a/x", "any x"), ("HEAD", "/a/x", "any x"), ("GET", "/a/", "any "),
    ("GET", "/a/%66ixed", "any %66ixed"), ("GET", "/a/x?b/c", "any x"), ("POST", "/b", "post "),
  ])
  func `The first route whose path matches answers`(_ method: String, _ target: String, _ text: String) async {
    #expect(await answer(method, target).text == text)
  }

  @Test(arguments: ["/", "/a", "/a/x/y", "//a/x", "/b/", "/B", "/b\u{301}", "/a/fixed/"])
  func `Any other path is a 404`(_ target: String) async {
    #expect(await answer("GET", target).status == 404)
  }

  @Test(arguments: [
    ("POST", "/a/x", "GET, HEAD"), ("GET", "/b", "POST"), ("HEAD", "/b", "POST"), ("get", "/a/x", "GET, HEAD"),
  ])
  func `Any other method is a 405 that names those that are allowed`(
    _ method: String, _ target: String, _ allow: String
  ) async {
    let answer = await answer(method, target)
    #expect(answer.status == 405 && answer.header("Allow") == allow)
    #expect(answer.text.contains(allow))
  }

  @Test(arguments: [("/workflow/", "/workflow/run"), ("/status/a/b", "/status/{id}/events"), ("/x", "/workflow/run")])
  func `A 404 says what is there`(_ target: String, _ hint: String) async {
    let answer = await api.answer("GET", target)
    #expect(answer.status == 404 && answer.text.contains(hint))
  }

  @Test func `Every response has the id of its request`() async {
    let given = await api.answer("GET", "/x", parameters: ["REMOTE_ADDR": "unix:", "REQUEST_ID": "abc"])
    #expect(given.header("X-Request-ID") == "abc")
    for bad in ["", "a b", String(repeating: "x", count: 129)] {
      let answer = await api.answer("GET", "/x", parameters: ["REMOTE_ADDR": "unix:", "REQUEST_ID": bad])
      #expect(answer.header("X-Request-ID")?.utf8.count == 32)
    }
  }

  @Test func `A client that may not use the API is refused before any route`() async throws {
    let foreign: KeyValuePairs = ["REMOTE_ADDR": "10.0.0.1"]
    #expect(await api.answer("GET", "/x", parameters: foreign).status == 401)
    let misdirected = await api.answer(
      "GET", "/x", headers: ["Host": "evil.example"], parameters: ["REMOTE_ADDR": "127.0.0.1"])
    #expect(misdirected.status == 421)
    #expect(await (try TestAPI(allowsAnonymous: true)).answer("GET", "/x", parameters: foreign).status == 404)
  }
}

@Suite struct QueryItemsTests {
  private func integer(_ query: String, in range: ClosedRange<Int> = 0...9) throws(APIError) -> Int? {
    try QueryItems(FastCGIRequest(method: "GET", target: "/?\(query)")).integer("n", in: range)
  }

  @Test(
    arguments: [
      ("", nil), ("n=0", 0), ("n=9", 9), ("n=007", 7), ("m=1&n=2", 2), ("n=1&n=2", 2), ("n=1&", 1), ("N=1", nil),
      ("nn=1", nil), ("%6E=1", nil), ("n\u{301}=1", nil),
    ] as [(String, Int?)])
  func `A whole number is read from the last item of its name`(_ query: String, _ value: Int?) throws {
    #expect(try integer(query) == value)
  }

  @Test(arguments: ["n", "n=", "n=10", "n=-1", "n=+1", "n=1.0", "n=1e0", "n= 1", "n=x", "n=1=2", "n=٣"])
  func `Any other value is a fault that names the item and the range`(_ query: String) {
    let error = #expect(throws: APIError.self) { try integer(query) }
    #expect(error.map { Answer($0.response).text.contains("a whole number from 0 to 9") } == true)
  }

  @Test func `A range without an end has none in its message`() {
    let error = #expect(throws: APIError.self) { try integer("n=99999999999999999999", in: 1 ... .max) }
    #expect(error.map { Answer($0.response).text.contains("a whole number from 1\"") } == true)
  }
}
