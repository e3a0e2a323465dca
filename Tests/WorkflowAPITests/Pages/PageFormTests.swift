import AccessKeys
import ExactJSON
import FastCGI
import Testing
import WorkflowStore

@testable import WorkflowAPI

/// Forms of pages and the login, as a browser sends them, and as another site would like to.
@Suite(.timeLimit(.minutes(5))) struct PageFormTests {
  /// A browser: it keeps cookies, and takes the token from the last page.
  private struct Browser {
    let api: TestAPI
    var cookies: [String: String] = [:]
    var token = ""

    mutating func send(
      _ method: String = "GET", _ target: String, form: [(String, String)]? = nil,
      parameters: KeyValuePairs<String, String> = ["REMOTE_ADDR": "unix:"], accept: String = "text/html"
    ) async -> Answer {
      let body = form.map { fields in
        fields.map { "\(PercentEncoding.encoded($0.0))=\(PercentEncoding.encoded($0.1))" }.joined(separator: "&")
      }
      let cookie = cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
      let type = "application/x-www-form-urlencoded"
      let answer =
        form == nil
        ? await api.answer(method, target, headers: ["Accept": accept, "Cookie": cookie], parameters: parameters)
        : await api.answer(
          method, target, headers: ["Accept": accept, "Cookie": cookie, "Content-Type": type], parameters: parameters,
          body: .complete(Array((body ?? "").utf8)))
      for header in answer.response.headers where header.name == "Set-Cookie" {
        let parts = header.value.split(separator: ";")[0].split(separator: "=", omittingEmptySubsequences: false)
        cookies[String(parts[0])] = header.value.contains("Max-Age=0") ? nil : String(parts[1])
      }
      if let found = answer.text.firstMatch(of: /name="csrf" value="([0-9a-f]+)"/) { token = String(found.1) }
      return answer
    }

    mutating func logIn(_ key: String, next: String = "/status") async -> Answer {
      _ = await send("GET", "/workflow/login")
      return await send("POST", "/workflow/login", form: [("csrf", token), ("key", key), ("next", next)])
    }
  }

  private func keyed() throws -> TestAPI {
    let ring = KeyRing()
    ring.replace(with: [
      AccessKey(name: "alice", secret: "key-alice"), AccessKey(name: "bob", secret: "key-bob"),
      AccessKey(name: "alice", secret: "key-read", role: .read),
    ])
    return try TestAPI(keys: ring)
  }

  private static let steps = #"[{"id": "a", "op": "note", "params": {"value": 1}}]"#

  @Test func `A form submits a run once, however often it is sent`() async throws {
    var browser = Browser(api: try TestAPI())
    let page = await browser.send("GET", "/workflow")
    #expect(page.status == 200 && page.text.contains("llm_summarize"))
    let form = [
      ("csrf", browser.token), ("key", "abc"), ("run_name", "é&="), ("inputs", #"{"text": "a+b"}"#),
      ("steps", Self.steps), ("options", #"{"labels": {"a": "b"}}"#),
    ]
    let sent = await browser.send("POST", "/workflow", form: form)
    let place = try #require(sent.header("Location"))
    #expect(sent.status == 303 && place.hasPrefix("/status/"))
    #expect(await browser.send("POST", "/workflow", form: form).header("Location") == place)
    let status = await browser.send("GET", place, accept: "*/*").json
    #expect(status["run_name"] == "é&=" && status["labels"] == ["a": "b"])
  }

  @Test func `Faults are at their fields, with what was typed`() async throws {
    var browser = Browser(api: try TestAPI())
    _ = await browser.send("GET", "/workflow")
    func fields(_ inputs: String, _ steps: String, _ options: String) -> [(String, String)] {
      [("csrf", browser.token), ("run_name", "r"), ("inputs", inputs), ("steps", steps), ("options", options)]
    }
    let broken = await browser.send("POST", "/workflow", form: fields("{\n  \"a\": }", Self.steps, "[]"))
    #expect(broken.status == 422)
    #expect(broken.text.contains("id=\"inputs-faults\"") && broken.text.contains("line 2, column 8"))
    #expect(broken.text.contains("id=\"options-faults\"") && !broken.text.contains("id=\"steps-faults\""))
    let wrong = await browser.send(
      "POST", "/workflow", form: fields("{}", #"[{"id": "a", "op": "<none>"}]"#, #"{"steps": 1, "colour": 2}"#))
    #expect(wrong.status == 422 && wrong.text.contains("id=\"options-faults\""))
    let unknown = await browser.send(
      "POST", "/workflow", form: fields("{}", #"[{"id": "a", "op": "<none>"}]"#, #"{"colour": 2}"#))
    #expect(unknown.text.contains(#"data-way="[0,&quot;op&quot;]""#) && unknown.text.contains("&lt;none&gt;"))
    #expect(unknown.text.contains(#"data-way="[&quot;colour&quot;]""#))
  }

  @Test func `A form without the token of this browser and key is refused`() async throws {
    let api = try TestAPI()
    var (browser, other) = (Browser(api: api), Browser(api: api))
    _ = await browser.send("GET", "/workflow")
    _ = await other.send("GET", "/workflow")
    let id = try await api.submit()
    for token in ["", "x", other.token] {
      let submitted = await browser.send("POST", "/workflow", form: [("csrf", token), ("steps", Self.steps)])
      #expect(submitted.status == 403)
      #expect(await browser.send("POST", "/workflow/\(id)/cancel", form: [("csrf", token)]).status == 403)
    }
    browser.cookies = [:]
    #expect(await browser.send("POST", "/workflow/\(id)/cancel", form: [("csrf", browser.token)]).status == 403)
    #expect(await api.answer("GET", "/status/\(id)").json["status"] == "queued")
    let own = await other.send("POST", "/workflow/\(id)/cancel", form: [("csrf", other.token)])
    #expect(own.status == 303 && own.header("Location") == "/status/\(id)")
    #expect(await api.answer("GET", "/status/\(id)").json["status"] == "cancelled")
    let again = await other.send("POST", "/workflow/\(id)/rerun", form: [("csrf", other.token), ("from", "a")])
    #expect(again.status == 303)
    #expect(await api.answer("GET", "/status/\(id)").json["status"] == "queued")
  }

  @Test func `A login puts the key into a cookie that no script and no other site gets`() async throws {
    var browser = Browser(api: try keyed())
    let first = await browser.send("GET", "/status?name=a")
    #expect(first.status == 401 && first.text.contains("value=\"/status?name=a\""))
    #expect(first.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
    let wrong = await browser.logIn("nothing")
    #expect(wrong.status == 401 && wrong.text.contains("This key is none"))
    let entered = await browser.logIn("key-alice", next: "/status?name=a")
    #expect(entered.status == 303 && entered.header("Location") == "/status?name=a")
    let cookie = entered.response.headers.first { $0.value.hasPrefix("wf_key=") }?.value ?? ""
    #expect(cookie.hasSuffix("; Path=/; HttpOnly; SameSite=Strict"))
    #expect(!cookie.contains("key-alice"))
    let page = await browser.send("GET", "/status")
    #expect(page.status == 200 && page.text.contains("Log out") && page.text.contains("alice"))
    let out = await browser.send("POST", "/workflow/logout", form: [("csrf", browser.token)])
    #expect(out.status == 303 && browser.cookies["wf_key"] == nil)
    #expect(await browser.send("GET", "/status").status == 401)
  }

  @Test func `Without keys there is nothing to log in to`() async throws {
    var browser = Browser(api: try TestAPI())
    #expect(await browser.send("GET", "/workflow/login").header("Location") == "/status")
    #expect(await browser.send("POST", "/workflow/login").status == 415)
    #expect(await browser.send("POST", "/workflow/login", form: [("key", "a")]).status == 403)
  }

  @Test func `Over an encrypted connection the cookies are for such connections alone`() async throws {
    var browser = Browser(api: try keyed())
    for (name, value) in [("REQUEST_SCHEME", "https"), ("HTTPS", "on")] {
      browser.cookies = [:]
      let parameters: KeyValuePairs = ["REMOTE_ADDR": "unix:", name: value]
      _ = await browser.send("GET", "/workflow/login", parameters: parameters)
      let entered = await browser.send(
        "POST", "/workflow/login", form: [("csrf", browser.token), ("key", "key-bob")], parameters: parameters)
      #expect(entered.response.headers.contains { $0.value.hasPrefix("wf_key=") && $0.value.hasSuffix("; Secure") })
    }
  }

  @Test(arguments: [
    "https://evil.example", "//evil.example", "/\\evil.example", "/statusx", "/other", "/status\r\nX: y",
  ])
  func `A login leads to no other site`(_ next: String) async throws {
    var browser = Browser(api: try keyed())
    #expect(await browser.logIn("key-alice", next: next).header("Location") == "/status")
  }

  @Test func `The cookie reads, and changes nothing without the token of a form`() async throws {
    let api = try keyed()
    var browser = Browser(api: api)
    _ = await browser.logIn("key-alice")
    #expect(await browser.send("GET", "/status", accept: "application/json").status == 200)
    let cookie = browser.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
    let json: KeyValuePairs = ["Content-Type": "application/json", "Cookie": cookie]
    let body = FastCGIBody.complete(Array(TestAPI.body.utf8))
    #expect(await api.answer("POST", "/workflow/run", headers: json, body: body).status == 403)
    _ = await browser.send("GET", "/status")
    let token: KeyValuePairs = [
      "Content-Type": "application/json", "Cookie": cookie, "X-CSRF-Token": browser.token,
    ]
    #expect(await api.answer("POST", "/workflow/run", headers: token, body: body).status == 202)
    var other = Browser(api: api)
    other.cookies = browser.cookies
    _ = await other.logIn("key-bob")
    let mixed: KeyValuePairs = [
      "Content-Type": "application/json", "X-CSRF-Token": browser.token,
      "Cookie": other.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; "),
    ]
    #expect(await api.answer("POST", "/workflow/run", headers: mixed, body: body).status == 403)
  }

  @Test func `A header with a key counts before the cookie`() async throws {
    let api = try keyed()
    var browser = Browser(api: api)
    _ = await browser.logIn("key-alice")
    let cookie = "wf_key=\(browser.cookies["wf_key"] ?? "")"
    let wrong = await api.answer("GET", "/status", headers: ["Authorization": "Bearer x", "Cookie": cookie])
    #expect(wrong.status == 401)
    let posted = await api.answer(
      "POST", "/workflow/run", headers: ["Authorization": "Bearer key-bob", "Cookie": cookie],
      body: .complete(Array(TestAPI.body.utf8)))
    #expect(posted.status == 202)
  }

  @Test func `Another name's run is not there, and a key that reads sees no buttons`() async throws {
    let api = try keyed()
    var (alice, bob, reader) = (Browser(api: api), Browser(api: api), Browser(api: api))
    _ = await alice.logIn("key-alice")
    _ = await bob.logIn("key-bob")
    _ = await reader.logIn("key-read")
    _ = await alice.send("GET", "/workflow")
    let sent = await alice.send("POST", "/workflow", form: [("csrf", alice.token), ("steps", Self.steps)])
    let place = try #require(sent.header("Location"))
    #expect(await alice.send("GET", place).text.contains(">Cancel<"))
    #expect(await bob.send("GET", place).status == 404)
    #expect(await !bob.send("GET", "/status").text.contains(place))
    let id = place.dropFirst("/status/".count)
    #expect(await bob.send("POST", "/workflow/\(id)/cancel", form: [("csrf", bob.token)]).status == 404)
    let read = await reader.send("GET", place)
    #expect(read.status == 200 && !read.text.contains(">Cancel<"))
    #expect(await reader.send("GET", "/workflow").status == 403)
    #expect(await reader.send("POST", "/workflow", form: [("csrf", reader.token)]).status == 403)
  }
}
