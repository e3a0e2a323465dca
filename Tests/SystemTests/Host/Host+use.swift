import ExactJSON
import SystemHarness

extension Host {
  /// An answer to curl.
  struct Answer: Sendable {
    let status: Int
    let isHTTP2: Bool
    /// By lower-case name.
    let headers: [String: String]
    let body: String

    /// Reads what `curl -i` prints.
    init(_ text: String) throws {
      let lines = text.split(omittingEmptySubsequences: false) { $0 == "\r\n" || $0 == "\n" }
      let head = lines.prefix { !$0.isEmpty }
      let words = head.first?.split(separator: " ") ?? []
      guard words.count >= 2, let status = Int(words[1]) else { throw StackFailure("no answer: \(text)") }
      self.status = status
      isHTTP2 = words[0] == "HTTP/2"
      headers = Dictionary(
        head.dropFirst().map { line in
          let name = line.prefix { $0 != ":" }
          return (name.lowercased(), String(line.dropFirst(name.count + 1).drop { $0 == " " }))
        }, uniquingKeysWith: { first, _ in first })
      body = lines.dropFirst(head.count + 1).joined(separator: "\n")
    }

    /// The body as a JSON object.
    var json: JSONObject {
      get throws {
        guard let object = try JSONValue(parsing: body).objectValue else { throw StackFailure("no object: \(body)") }
        return object
      }
    }
  }

  /// Asks with curl.
  func curl(_ arguments: String...) async throws -> Answer { try await curl(arguments) }

  /// Asks with curl.
  func curl(_ arguments: [String]) async throws -> Answer {
    let outcome = try await run(["curl", "-sS", "-i"] + arguments)
    guard outcome.code == 0 else { throw StackFailure("curl \(arguments): \(outcome.error)") }
    return try Answer(outcome.output)
  }

  /// Posts a file to the site, the example unless another is named.
  func post(_ file: String = "/root/example.json") async throws -> Answer {
    try await curl("-H", "Content-Type: application/json", "-d", "@\(file)", "\(Host.site)/workflow/run")
  }

  /// Submits the example.
  /// - Returns: its job's id.
  func submit() async throws -> String {
    let answer = try await post()
    guard answer.status == 202, let id = try answer.json["job_id"]?.stringValue else {
      throw StackFailure("\(answer.status): \(answer.body)")
    }
    return id
  }

  /// The status of a job.
  func status(_ id: String) async throws -> JSONObject { try await curl("\(Host.site)/status/\(id)").json }

  /// Waits until a job has come to its end.
  func end(of id: String) async throws -> JSONObject {
    try await wait("the end of \(id)") {
      let answer = try await curl("\(Host.site)/status/\(id)?wait=20")
      // The API may be starting again.
      guard answer.status == 200 else { return nil }
      let status = try answer.json
      return ["finished", "failed"].contains(status["status"]?.stringValue) ? status : nil
    }
  }

  /// Runs a body with settings in `/etc/wf/wf.env`, and takes them away again.
  /// - Parameter cleanup: a script that does away with more, before the services are restarted.
  func with(settings: [String: String], cleanup: String = "", _ body: () async throws -> Void) async throws {
    let lines = settings.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: "\n")
    try await sh("printf '# rehearsal\\n%s\\n' '\(lines)' >> /etc/wf/wf.env; systemctl restart wf-api wf-worker")
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
    try await sh(
      """
      rm -f /run/model.hold
      sed -i '/^# rehearsal/,$d' /etc/wf/wf.env
      \(cleanup)
      systemctl restart wf-api wf-worker
      """)
    try outcome.get()
  }

  /// Runs a body with a run in the middle of a step: its model has been asked and does not answer until `release`.
  func withRunInTheMiddle(
    settings: [String: String] = [:], _ body: (_ id: String, _ release: () async throws -> Void) async throws -> Void
  ) async throws {
    let model = ["WF_LLM_BASE_URL": "http://127.0.0.1:9000/v1", "WF_LLM_MODEL": "m", "WF_LLM_FALLBACK": "fail"]
    try await with(settings: model.merging(settings) { $1 }) {
      try await sh("rm -f /run/model.calls; touch /run/model.hold")
      let id = try await submit()
      try await waitForCalls(1)
      try await body(id) { try await sh("rm /run/model.hold") }
    }
  }

  /// Waits until the model has been asked a number of times.
  func waitForCalls(_ count: Int) async throws {
    _ = try await wait("\(count) calls of the model") {
      try await isTrue("test $(wc -l < /run/model.calls) -ge \(count)")
    }
  }
}
