import AccessKeys
import ExactJSON
import FastCGI
import OpenSSL
import Synchronization
import Workflow
import WorkflowPages
import WorkflowStore

/// The pages for browsers. What they show is what the JSON routes answer to the same client.
final class Pages: Sendable {
  let partitions: Partitions
  /// The partitions on the connection for large documents.
  let documents: Partitions
  let quotas: Quotas
  let accessControl: AccessControl
  /// The URL of the site, for the commands in the documentation.
  let siteURL: String
  private let routes = Mutex<Router?>(nil)
  /// The documentation, as it was last written, and the entity tag of the document that it was written from.
  let writtenDocs = Mutex<(tag: String, content: HTML)?>(nil)

  init(
    partitions: Partitions, documents: Partitions, quotas: Quotas, accessControl: AccessControl, siteURL: String
  ) {
    self.partitions = partitions
    self.documents = documents
    self.quotas = quotas
    self.accessControl = accessControl
    self.siteURL = siteURL
  }

  /// Gives the pages the routes whose answers they show. It is called once, before the first request.
  func use(_ router: Router) { routes.withLock { $0 = router } }

  /// The routes.
  var router: Router {
    guard let router = routes.withLock({ $0 }) else { preconditionFailure("the pages have no routes yet") }
    return router
  }

  /// Answers a request.
  /// - Throws: what ``failure(_:_:_:)`` shows.
  func answer(
    _ place: PagePlace, _ request: FastCGIRequest, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    if case .asset(let name) = place { return try asset(name, request) }
    // To write a page and to compress it takes longer than a thread of a connection has.
    return try await withTaskExecutorPreference(globalConcurrentExecutor) { () async throws(APIError) in
      try await page(place, PageVisit(request, context, self))
    }
  }

  private func page(_ place: PagePlace, _ visit: PageVisit) async throws(APIError) -> FastCGIResponse {
    switch place {
    case .asset: throw .notFound("Not Found")
    case .login: return try await visit.login()
    case .logout: return try visit.logout()
    case .submit where visit.request.method.hasSameScalars(as: "POST"): return try await visit.submit()
    case .submit: return try await visit.submitForm()
    case .steer(let id, let verb): return try await visit.steer(id, verb)
    case .runs: return try await visit.runs()
    case .run(let id): return try await visit.run(id)
    case .schedules: return try await visit.schedules()
    case .health: return try await visit.health()
    case .docs: return try await visit.docs()
    }
  }

  /// The page that says why there is no other.
  func failure(_ error: APIError, _ request: FastCGIRequest, _ context: RequestContext) -> FastCGIResponse {
    let visit = PageVisit(request, context, self)
    switch error {
    case .noKey, .unknownKey, .noKeys: return visit.loginPage(error)
    default: return visit.failurePage(error)
    }
  }

  private func asset(_ name: String, _ request: FastCGIRequest) throws(APIError) -> FastCGIResponse {
    guard let file = Assets.all.file(named: name) else {
      throw .notFound("there is no such file; pages that are loaded again name the present ones")
    }
    var headers = [
      (name: "Content-Type", value: file.type),
      (name: "Cache-Control", value: "public, max-age=31536000, immutable"),
      (name: "X-Content-Type-Options", value: "nosniff"), (name: "Vary", value: "Accept-Encoding"),
    ]
    if let compressed = file.compressed, PageVisit.takesGzip(request) {
      headers.append((name: "Content-Encoding", value: "gzip"))
      return FastCGIResponse(status: 200, headers: headers, body: .bytes(compressed))
    }
    return FastCGIResponse(status: 200, headers: headers, body: .bytes(file.bytes))
  }
}

/// One request to a page.
struct PageVisit: Sendable {
  let request: FastCGIRequest
  let context: RequestContext
  let pages: Pages
  let token: FormToken

  init(_ request: FastCGIRequest, _ context: RequestContext, _ pages: Pages) {
    self.request = request
    self.context = context
    self.pages = pages
    token = FormToken(request)
  }

  /// Who looks at the page.
  var viewer: Page.Viewer {
    var viewer = Page.Viewer()
    viewer.name = context.key?.name
    viewer.role = context.key?.role.rawValue
    viewer.hasSession = AccessControl.isByCookie(request)
    viewer.mayChange = context.mayChange
    viewer.isAdmitted = pages.accessControl.keys == nil || context.key != nil
    viewer.token = token.text(for: context.key)
    return viewer
  }

  /// What a JSON route answers to this client.
  func answer(_ target: String) async throws(APIError) -> (status: Int, json: JSONObject) {
    let response = try await pages.router.answer(FastCGIRequest(method: "GET", target: target), context)
    let bytes: [UInt8] =
      switch response.body {
      case .bytes(let bytes): bytes
      case .pieces(let pieces): Array(pieces.joined())
      case .stream: []
      }
    guard let json = (try? JSONValue(deeply: bytes))?.objectValue else {
      throw .damaged("\(target.cut(toBytes: 200)) answered no JSON object")
    }
    return (response.status, json)
  }

  /// A page as a response. Pages are not kept: they show the state of a moment, to one client.
  func response(_ page: Page, status: Int = 200, headers: [(name: String, value: String)] = []) -> FastCGIResponse {
    var headers = headers
    headers.append(("Content-Type", "text/html; charset=utf-8"))
    headers.append(("Cache-Control", "no-store"))
    headers.append(("Content-Security-Policy", Page.policy))
    headers.append(("X-Content-Type-Options", "nosniff"))
    headers.append(("Vary", "Accept-Encoding"))
    if let cookie = token.cookie { headers.append(cookie) }
    var bytes = page.html(for: viewer)
    if Self.takesGzip(request), let compressed = Gzip.compressed(bytes, level: 4) {
      bytes = compressed
      headers.append(("Content-Encoding", "gzip"))
    }
    return FastCGIResponse(status: status, headers: headers, body: .bytes(bytes))
  }

  /// Sends the browser to a page.
  func redirect(to path: String, headers: [(name: String, value: String)] = []) -> FastCGIResponse {
    FastCGIResponse(status: 303, headers: [("Location", path), ("Cache-Control", "no-store")] + headers)
  }

  /// Whether a client reads the gzip format.
  static func takesGzip(_ request: FastCGIRequest) -> Bool {
    let codings = request.headers("Accept-Encoding").joined(separator: ",").utf8.map(ASCII.lowercase)
    return codings.split(separator: UInt8(ascii: ",")).contains { coding in
      let parts = coding.split(separator: UInt8(ascii: ";")).map(ASCII.trimmed)
      guard parts.first?.elementsEqual("gzip".utf8) == true else { return false }
      return !parts.dropFirst().contains { $0.starts(with: "q=0".utf8) && !$0.contains { (0x31...0x39).contains($0) } }
    }
  }

  /// A page that says why there is no other.
  func failurePage(_ error: APIError) -> FastCGIResponse {
    let known = error.response
    var html = HTML()
    html.element("div", ["class": "card alert narrow"]) { html in
      html.element("h1", Self.title(of: known.status))
      html.element("p", Self.capitalized(error.sentence))
      if case .invalid(let faults) = error {
        html.element("ul", ["class": "faults"]) { html in
          for fault in faults.prefix(50) { html.element("li", Self.sentence(fault)) }
        }
      }
      html.element("p") { html in
        html.element("a", ["href": "/status"], "All runs")
        if case .steer(let id, _)? = PagePlace(request) {
          html.text(" · ")
          html.element("a", ["href": "/status/\(id)"], "Back to the run")
        }
      }
    }
    let headers = known.headers.filter { !["Content-Type", "Cache-Control"].contains($0.name) }
    return response(
      Page(title: Self.title(of: known.status), section: nil, content: html), status: known.status, headers: headers)
  }

  /// What a page that says why there is no other is called.
  private static func title(of status: Int) -> String {
    switch status {
    case 403: "Not allowed (403)"
    case 404: "Not found (404)"
    case 409: "Not possible now (409)"
    case 422: "Not understood (422)"
    case 429: "Too many requests (429)"
    case 503: "Not available now (503)"
    default: "Error \(status)"
    }
  }

  /// A sentence of an answer to programs, for people.
  static func capitalized(_ sentence: String) -> String {
    sentence.prefix(1).uppercased() + sentence.dropFirst() + (sentence.hasSuffix(".") ? "" : ".")
  }

  /// A fault with its place.
  static func sentence(_ fault: ValidationFault) -> String {
    let isWhole = [.key("body"), .key("query")].contains(fault.location.first)
    let place = fault.location.dropFirst(isWhole ? 1 : 0).map { element in
      switch element {
      case .key(let key): key
      case .index(let index): "\(index)"
      }
    }
    // pydantic's words before what a validator says mean nothing to people.
    let marker = "Value error, "
    let message = fault.message.hasPrefix(marker) ? String(fault.message.dropFirst(marker.count)) : fault.message
    return place.isEmpty ? capitalized(message) : "\(place.joined(separator: ".")): \(message)"
  }
}
