import ExactJSON
import FastCGI
import Testing
import WorkflowPages
import Workflow
import WorkflowStore

@testable import WorkflowAPI

@Suite(.timeLimit(.minutes(5))) struct PageTests {
  /// What Chromium sends.
  static let browser: KeyValuePairs = [
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
  ]
  private static let paths = [
    "/status", "/workflow", "/workflow/schedules", "/status/health", "/workflow/docs", "/workflow/login",
  ]

  @Test(arguments: [
    ("text/html", true), ("text/html,*/*;q=0.8", true), ("text/*", true), ("*/*;q=0.1, text/html;q=0.2", true),
    ("TEXT/HTML", true), ("application/json;q=0.5, text/html", true), ("text/html;level=1;q=0.9, */*;q=0.8", true),
    ("*/*", false), ("application/json", false), ("application/json, text/html", false), ("", false),
    ("text/html;q=0", false), ("text/html;q=0.5, application/json", false), ("text/html;q=x", false),
    ("text/plain", false), ("text/html;q=0.5, */*", false), ("text", false), (",,;,", false), ("text/html;q=2", false),
    ("application/json;a=\",text/html\"", false), ("text/html\u{301}", false),
  ])
  func `A page is for a client that prefers HTML`(_ accept: String, _ isHTML: Bool) {
    #expect(MediaType.prefersHTML([accept]) == isHTML)
  }

  @Test func `Several headers are one list, and none prefers nothing`() {
    #expect(MediaType.prefersHTML(["application/json;q=0.1", "text/html"]))
    #expect(!MediaType.prefersHTML([]))
  }

  @Test func `A path with both has JSON for programs and a page for browsers, and says that Accept decides`()
    async throws
  {
    let api = try TestAPI()
    let id = try await api.submit()
    for path in ["/status", "/status/\(id)", "/status/health", "/workflow/schedules"] {
      let page = await api.answer("GET", path, headers: Self.browser)
      #expect(page.header("Content-Type") == "text/html; charset=utf-8", "\(path)")
      let vary = page.response.headers.filter { $0.name == "Vary" }.map(\.value)
      #expect(vary == ["Accept-Encoding", "Accept"], "\(path)")
      for headers in [[:], ["Accept": "*/*"], ["Accept": "application/json"]] as [KeyValuePairs<String, String>] {
        let json = await api.answer("GET", path, headers: headers)
        #expect(json.header("Content-Type") == "application/json", "\(path)")
        #expect(json.header("Vary") == "Accept" && json.header("Set-Cookie") == nil, "\(path)")
        #expect(page.status == json.status, "\(path)")
      }
    }
    let forced = await api.answer("GET", "/status/\(id)?format=json", headers: Self.browser)
    #expect(forced.json["job_id"]?.stringValue == "\(id)")
    #expect(await api.answer("GET", "/status/\(id)?format=xml").status == 422)
  }

  @Test func `A browser gets what each path has, where it has no page`() async throws {
    let api = try TestAPI()
    let document = await api.answer("GET", "/workflow/openapi.json", headers: Self.browser).json
    let paths = (document["paths"]?.objectValue?.members ?? []).filter { path in
      !path.key.contains("{") && path.value.objectValue?["get"] != nil
    }
    #expect(paths.count > 8)
    for path in paths {
      let answer = await api.answer("GET", path.key, headers: Self.browser)
      #expect(![404, 405].contains(answer.status), "\(path.key)")
    }
    let metrics = await api.answer("GET", "/status/metrics", headers: Self.browser)
    #expect(metrics.header("Content-Type")?.hasPrefix("text/plain") == true)
  }

  @Test func `Each page has the policy, and neither inline scripts, nor inline styles, nor handlers`() async throws {
    let api = try TestAPI()
    let id = try await api.submit()
    for path in Self.paths + ["/status/\(id)", "/status/none"] where path != "/workflow/login" {
      let page = await api.answer("GET", path, headers: Self.browser)
      #expect(page.header("Content-Security-Policy") == Page.policy, "\(path)")
      #expect(page.header("Cache-Control") == "no-store" && page.header("X-Content-Type-Options") == "nosniff")
      #expect(!page.text.contains("style=") && !page.text.contains("<script>"), "\(path)")
      #expect(page.text.firstMatch(of: /<[^>]* on[a-z]+=/) == nil, "\(path)")
      #expect(page.text.firstMatch(of: /(?:src|href)="(?:https?:)?\/\//) == nil, "\(path)")
    }
  }

  @Test func `What a client has named is text on each page`() async throws {
    let api = try TestAPI()
    let evil = "<img src=x onerror=alert(1)>"
    let body: JSONValue = [
      "run_name": .string(evil), "inputs": ["text": .string(evil)], "labels": ["a": .string(evil)],
      "steps": [["id": "a", "op": "note", "params": ["value": .string(evil)]]],
    ]
    let id = try #require(await api.post(body.text).json["job_id"]?.stringValue)
    for path in ["/status", "/status/\(id)", "/status?name=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"] {
      let page = await api.answer("GET", path, headers: Self.browser)
      #expect(page.status == 200)
      #expect(page.text.contains("&lt;img src=x onerror") && !page.text.contains("<img"), "\(path)")
    }
    let fault = await api.answer("GET", "/status?status=%3Cimg%3E", headers: Self.browser)
    #expect(fault.status == 422 && !fault.text.contains("<img"))
  }

  @Test func `A run that was run again took the time since then, not the idle time before`() async throws {
    let api = try TestAPI()
    let id = try await api.submit()
    try await api.finish()
    let job = "\(api.partitions.store(of: id).keys.prefix)job:\(id)"
    try await api.send(
      "HSET", job, "started_ts", "1000.000000", "finished_ts", "5002.500000", "generation", "1", "reopened_ts",
      "5000.000000")
    for path in ["/status", "/status/\(id)"] {
      let page = await api.answer("GET", path, headers: Self.browser)
      #expect(page.text.contains(">2.5 s<") && !page.text.contains("1 h"), "\(path)")
    }
    #expect(await api.answer("GET", "/status/\(id)", headers: Self.browser).text.contains("<dd>once</dd>"))
    let reopened = try JSONValue(parsing: "5000.000000")
    #expect(await api.answer("GET", "/status/\(id)").json["reopened_ts"] == reopened)
    let listed = await api.answer("GET", "/status").json["runs"]?.arrayValue?.first?.objectValue
    #expect(listed?["reopened_ts"] == reopened)
    // A run of an older release does not say when.
    try await api.send("HDEL", job, "reopened_ts")
    let page = await api.answer("GET", "/status/\(id)", headers: Self.browser)
    #expect(!page.text.contains("<dt>Took</dt>"))
  }

  @Test func `Errors of pages are pages with the status of the JSON`() async throws {
    let api = try TestAPI()
    for path in ["/status/none", "/status/00000000-0000-4000-8000-000000000000"] {
      let page = await api.answer("GET", path, headers: Self.browser)
      #expect(page.status == 404 && page.text.contains("<h1>Not found (404)</h1>"))
    }
    let steered = await api.answer("PUT", "/workflow", headers: Self.browser)
    #expect(steered.status == 405 && steered.header("Allow") == "GET, HEAD, POST")
  }

  @Test func `The documentation has each route, each field and each error, and commands for what is JSON`() async throws
  {
    let api = try TestAPI()
    let page = await api.answer("GET", "/workflow/docs").text
    for route in api.routes {
      #expect(page.contains("<span class=\"method\">\(route.method)</span> \(route.template)<"), "\(route.template)")
      #expect(page.contains("id=\"\(route.documentation.id)\""))
    }
    let document = await api.answer("GET", "/workflow/openapi.json").json
    let components = document["components"]?.objectValue
    for schema in components?["schemas"]?.objectValue?.members ?? [] {
      #expect(page.contains("id=\"schema-\(schema.key)\""))
      for field in schema.value.objectValue?["properties"]?.objectValue?.members ?? [] {
        #expect(page.contains("<code>\(field.key)</code>"), "\(schema.key).\(field.key)")
      }
    }
    for error in components?["responses"]?.objectValue?.keys ?? [] { #expect(page.contains("id=\"error-\(error)\"")) }
    #expect(page.contains("curl -X POST &#39;https://wf.example.org/workflow/run&#39;"))
    #expect(page.contains("https://wf.example.org/status/b7f935c2-"))
  }

  @Test func `A run with large documents has a page that is small, and leads to the JSON`() async throws {
    let api = try TestAPI()
    let id = try await api.submit()
    let large = Array("{\"value\":\"\(String(repeating: "x", count: 2 << 20))\"}".utf8)
    try await api.record(try await api.claim()) { batch in
      batch.log(.stepStart(step: "a", op: "note"))
      batch.checkpoint(step: "a", outputs: large, inLog: false)
      batch.log(.finished)
      batch.end = .finished(RunResult(runName: "r", done: ["a"], stores: []))
    }
    let page = await api.answer("GET", "/status/\(id)", headers: Self.browser)
    #expect(page.status == 200 && page.text.utf8.count < 20_000)
    #expect(page.text.contains("too large for a page") && page.text.contains("/status/\(id)?format=json"))
    #expect(page.text.contains("data-step=\"a\"") && page.text.contains("data-status=\"done\""))
  }

  @Test func `Style sheets and scripts may be kept for good, and are compressed for those who take it`() async throws {
    let api = try TestAPI()
    let file = try #require(Assets.all.files.first)
    let path = "/workflow/assets/\(file.name)"
    let plain = await api.answer("GET", path)
    #expect(plain.header("Cache-Control") == "public, max-age=31536000, immutable")
    #expect(plain.header("Content-Type") == "text/css; charset=utf-8" && plain.header("Content-Encoding") == nil)
    for (codings, isCompressed) in [("gzip, br", true), ("br, GZIP;q=0.5", true), ("gzip;q=0", false), ("br", false)] {
      let answer = await api.answer("GET", path, headers: ["Accept-Encoding": codings])
      #expect((answer.header("Content-Encoding") == "gzip") == isCompressed, "\(codings)")
    }
    #expect(await api.answer("GET", "/workflow/assets/wf.css").status == 404)
  }
}
