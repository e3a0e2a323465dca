import Curl
import ExactJSON
import Glibc
import LinuxSupport
import ModelServer
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// wf behind other web servers than nginx, with the lines that the page WebServers gives for each.
@Suite(.enabled(if: WebServer.root != nil, "make test unpacks the web servers"), .timeLimit(.minutes(3)))
struct WebServerTests {
  private let http = HTTPClient()

  @Test func `The page WebServers gives the lines that are tested here`() throws {
    let project = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
      .removingLastComponent()
    let path = project.appending("Sources/WorkflowCommand/WorkflowCommand.docc/WebServers.md").string
    let page = String(decoding: try Stack.read(path), as: UTF8.self)
    for server in WebServer.all {
      for line in server.lines { #expect(page.contains(line), "\(server.name): \(line)") }
    }
  }

  @Test func `requests, chunked bodies, waiting, events and errors come through Apache, lighttpd, Caddy and HAProxy`()
    async throws
  {
    let model = try ModelServer()
    defer { model.close() }
    let settings = ["WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LEASE_S": "600"]
    try await Stack.with(.init(settings: settings)) { stack in
      try await withAPI(stack) { socket in
        for server in WebServer.all {
          try await server.run(socket: socket) { url in
            try await self.submits(server, url)
            try await self.follows(server, url, model)
          }
        }
      }
    }
  }

  @Test func `The key of a request, and the refusal of one without, come through all of them`() async throws {
    try await KeyStack.with { keys in
      try await withAPI(keys.stack, settings: ["WF_API_KEYS_FILE": keys.file]) { socket in
        for server in WebServer.all {
          try await server.run(socket: socket) { url in
            let refused = try await self.send("GET", "\(url)/status/health")
            #expect(refused.status == 401, "\(server.name)")
            #expect(refused.header("WWW-Authenticate") == #"Bearer realm="wf""#, "\(server.name)")
            let admitted = try await self.send("GET", "\(url)/status/health", headers: keys.authorization("key-bob"))
            #expect(admitted.status == 200, "\(server.name)")
          }
        }
      }
    }
  }

  /// Runs an API whose socket the users of other web servers may connect to.
  private func withAPI(
    _ stack: Stack, settings: [String: String] = [:],
    _ body: @escaping @Sendable (_ socket: String) async throws -> Void
  ) async throws {
    var template = Array("/tmp/wf-fronts-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { system("rm -rf \(folder)") }
    let socket = "\(folder)/api.sock"
    let arguments = ["--pdeathsig", "KILL", "--", Stack.executable, "api", "--socket", socket]
    _ = try await Subprocess.run(
      .name("setpriv"), arguments: Arguments(arguments),
      environment: .ofTests(settings.merging(["REDIS_URL": "redis+unix://\(stack.folder)/redis.sock"]) { $1 }),
      input: .none,
      output: .discarded, error: .discarded
    ) { execution in
      // The API sets its own permissions before it listens.
      _ = try await wait("the API's socket") { Self.isListening(socket) ? true : nil }
      chmod(socket, 0o666)
      chmod(folder, 0o755)
      try await body(socket)
      try execution.send(signal: .terminate)
    }
  }

  private static func isListening(_ path: String) -> Bool {
    guard let address = UnixSocketAddress(path: path), let descriptor = try? UnixSocketAddress.makeSocket(SOCK_STREAM)
    else { return false }
    defer { close(descriptor) }
    return address.withSocketAddress { connect(descriptor, $0, $1) } == 0
  }

  private func send(
    _ method: String = "GET", _ url: String, headers: [HTTPHeader] = [], body: [UInt8]? = nil
  ) async throws -> HTTPResponse {
    try await http.send(HTTPRequest(method: method, url: url, headers: headers, body: body, timeout: .seconds(60)))
  }

  private func submits(_ server: WebServer, _ url: String) async throws {
    let body = Examples.example.bytes
    let json = [("Content-Type", "application/json"), ("Idempotency-Key", server.name)]
    let first = try await send("POST", "\(url)/workflow/run", headers: json, body: body)
    #expect(first.status == 202, "\(server.name)")
    let id = try #require(try first.json["job_id"]?.stringValue)
    #expect(first.header("Location") == "/status/\(id)", "\(server.name)")
    let other = try await send(
      "POST", "\(url)/workflow/run", headers: json, body: Examples.workflow(text: "another").bytes)
    #expect(other.status == 409, "\(server.name)")
    #expect(try await send("GET", "\(url)/status?dead=1").status == 200, "\(server.name)")
    for path in ["/workflow", "/workflow/docs", "/status", "/status/metrics"] {
      let page = try await send("GET", "\(url)\(path)", headers: [("Accept", "text/html")])
      #expect(page.status == 200 && page.header("X-Request-ID") != nil, "\(server.name) \(path)")
    }

    let host = "Host: \(url.dropFirst("http://".count))\r\nConnection: close\r\n"
    let length = String(body.count, radix: 16)
    let chunked = try RawClient(
      url,
      """
      POST /workflow/run HTTP/1.1\r
      \(host)Content-Type: application/json\r
      Transfer-Encoding: chunked\r
      \r
      \(length)\r
      \(String(decoding: body, as: UTF8.self))\r
      0\r
      \r

      """)
    #expect(chunked.readToEnd().hasPrefix("HTTP/1.1 202 "), "\(server.name)")
    let absolute = try RawClient(url, "GET \(url)/status/\(id) HTTP/1.1\r\n\(host)\r\n")
    #expect(absolute.readToEnd().contains("\"job_id\":\"\(id)\""), "\(server.name)")
  }

  /// Events arrive while the run goes on, and `?wait` when it has ended.
  private func follows(_ server: WebServer, _ url: String, _ model: ModelServer) async throws {
    model.behaviour = .hold
    let json = [("Content-Type", "application/json")]
    let text = "a run followed through \(server.name)"
    let response = try await send(
      "POST", "\(url)/workflow/run", headers: json, body: Examples.workflow(text: text).bytes)
    let id = try #require(try response.json["job_id"]?.stringValue)
    // Calls of the runs before may arrive later than it was submitted.
    _ = try await wait("the model call of \(id)") {
      model.calls.contains { String(decoding: $0.raw, as: UTF8.self).contains(text) } ? true : nil
    }
    async let waited = send("GET", "\(url)/status/\(id)?wait=60")
    var events = try await EventReader(url: url, id)
    let before = try await events.take(until: { $0.message == "step_start llm" })
    #expect(before.last?.message == "step_start llm", "\(server.name)")
    model.release()
    #expect(try await events.rest().last?.status == "finished", "\(server.name)")
    let end = try await waited
    #expect(try end.json["status"] == "finished", "\(server.name)")
    let tag = try #require(end.header("ETag"))
    #expect(try await send("GET", "\(url)/status/\(id)", headers: [("If-None-Match", tag)]).status == 304)
    #expect(
      try await send("GET", "\(url)/status/\(id)/events", headers: [("Last-Event-ID", "8")]).status == 204,
      "\(server.name)")
  }
}
