import Curl
import ExactJSON
import Glibc
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// The `wf` command: what it prints, and its exit codes.
@Suite struct CommandTests {
  private struct Outcome {
    let code: Int32
    let output: String
    let error: String
  }

  private func withFolder(_ body: (String) async throws -> Void) async throws {
    var template = Array("/tmp/wf-command-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { system("rm -rf \(folder)") }
    try await body(folder)
  }

  private func wf(
    _ arguments: String..., settings: [String: String] = [:], in folder: String? = nil
  ) async throws -> Outcome {
    let changes = Dictionary(
      uniqueKeysWithValues: settings.compactMap { name, value in
        Environment.Key(rawValue: name).map { ($0, Optional(value)) }
      })
    let result = try await Subprocess.run(
      .path(FilePath(Stack.executable)), arguments: Arguments(arguments), environment: .inherit.updating(changes),
      workingDirectory: folder.map { FilePath($0) }, output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    guard case .exited(let code) = result.terminationStatus else {
      throw StackFailure("wf ended by \(result.terminationStatus)")
    }
    return Outcome(code: code, output: result.standardOutput, error: result.standardError)
  }

  @Test func `wf run --example prints the result, and the steps on standard error`() async throws {
    let stack = try await SharedStack.get()
    let outcome = try await wf("run", "--example", settings: ["WF_URL": stack.url])
    #expect(outcome.code == 0)
    let result = try #require(try JSONValue(parsing: outcome.output).objectValue)
    #expect(result.at("outputs", "pre", "clean_text") == .string(Examples.text))
    #expect(result.at("stores", "summaries") == [.string("Summary(64): " + Examples.text)])
    #expect(outcome.error.contains("step_done  llm"))
  }

  @Test func `wf run --json prints each entry and then the status, a line each`() async throws {
    let stack = try await SharedStack.get()
    let outcome = try await wf("run", "--example", "--json", settings: ["WF_URL": stack.url])
    #expect(outcome.code == 0)
    let lines = try outcome.output.split(separator: "\n").map { try JSONValue(parsing: String($0)).objectValue }
    #expect(lines.count == 10)
    #expect(lines.first??["msg"] == "enqueued")
    #expect(lines.last??["status"] == "finished")
  }

  @Test func `wf watch follows a run that is there, and a finished one at once`() async throws {
    let stack = try await SharedStack.get()
    let id = try await stack.submit(Examples.example)
    for _ in 1...2 {
      let outcome = try await wf("watch", id, settings: ["WF_URL": stack.url])
      #expect(outcome.code == 0)
      #expect(outcome.error.contains("step_done  store"))
      #expect(try JSONValue(parsing: outcome.output).objectValue?["run_name"] == "summarize-then-store")
    }
  }

  @Test func `the exit code says how a run went`() async throws {
    let stack = try await SharedStack.get()
    let failing =
      #"{"run_name":"f","steps":[{"id":"pre","op":"preprocess"},{"id":"l","op":"llm_summarize","params":{"source":"@pre.no"}}]}"#
    let url = ["WF_URL": stack.url]
    try await withFolder { folder in
      system("echo '\(failing)' > \(folder)/failing; echo '{}' > \(folder)/faulty")
      #expect(try await wf("run", "\(folder)/failing", settings: url).code == 1)
      let faulty = try await wf("run", "\(folder)/faulty", settings: url)
      #expect(faulty.code == 65)
      #expect(faulty.error.contains("body.run_name: Field required"))
      #expect(try await wf("run", "\(folder)/absent", settings: url).code == 66)
      #expect(try await wf("run", folder, settings: url).code == 66)
    }
    #expect(try await wf("status", "nope", settings: url).code == 66)
    #expect(try await wf("run", settings: url).code == 64)
    #expect(try await wf("run", "--example", settings: ["WF_URL": "http://127.0.0.1:9"]).code == 69)
  }

  @Test func `a result that cannot be written is no success`() async throws {
    let stack = try await SharedStack.get()
    let command = "WF_URL=\(stack.url) \(Stack.executable) run --example > /dev/full"
    let result = try await Subprocess.run(
      .name("sh"), arguments: ["-c", command], output: .discarded, error: .string(limit: 1 << 20))
    #expect(result.terminationStatus == .exited(74))
    #expect(result.standardError.contains("wf: standard output: No space left on device"))
  }

  @Test func `a misspelt or malformed setting stops the start with a sentence that names it`() async throws {
    for command in ["worker", "api", "config"] {
      let outcome = try await wf(command, settings: ["WF_WORKER_RUN": "3", "WF_LEASE_S": "soon"])
      #expect(outcome.code == 78)
      #expect(outcome.error.contains("WF_WORKER_RUN is no setting of wf; did you mean WF_WORKER_RUNS?"))
      #expect(outcome.error.contains("WF_LEASE_S=soon"))
    }
    let tls = try await wf("config", settings: ["REDIS_URL": "rediss://example.org"])
    #expect(tls.code == 78 && tls.error.contains("tunnel"))
  }

  @Test func `wf config shows what is in force and masks secrets`() async throws {
    let outcome = try await wf(
      "config",
      settings: [
        "WF_LLM_API_KEY": "hush", "WF_LLM_BASE_URL": "http://127.0.0.1:1/v1", "WF_LLM_MODEL": "m",
        "REDIS_URL": "redis://:hush@127.0.0.1:6379/2",
      ])
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("WF_LEASE_S=15"))
    #expect(!outcome.output.contains("hush"))
  }

  @Test func `a password inside a URL is masked, also in an error`() async throws {
    for url in ["http://user:hush@127.0.0.1:1/v1", "ftp://user:hush@127.0.0.1/v1"] {
      let outcome = try await wf("config", settings: ["WF_LLM_BASE_URL": url, "WF_LLM_MODEL": "m"])
      let shown = outcome.output + outcome.error
      #expect(shown.contains("user:***@127.0.0.1"))
      #expect(!shown.contains("hush"))
    }
  }

  @Test func `a faulty line of .env is a wrong setting`() async throws {
    try await withFolder { folder in
      system("printf 'WF_LEASE_S=9\\nno setting\\n' > \(folder)/.env")
      let outcome = try await wf("config", in: folder)
      #expect(outcome.code == 78)
      #expect(outcome.error.contains(".env, line 2: NAME=value is expected"))
    }
  }

  @Test func `what comes from outside cannot steer the terminal`() async throws {
    let stack = try await SharedStack.get()
    try await withFolder { folder in
      let body = #"{"run_name":"a\\u001b[31mb\\u009b1mc\\n  finished\\u202e","steps":[{"id":"pre","op":"preprocess"}]}"#
      system("printf '%b' '\(body)' > \(folder)/run.json")
      let outcome = try await wf("run", "\(folder)/run.json", settings: ["WF_URL": stack.url])
      #expect(outcome.code == 0)
      #expect(outcome.error.contains("started  a\u{fffd}[31mb\u{fffd}1mc\u{fffd}  finished\u{fffd}\n"))
    }
  }

  @Test func `wf dev refuses a port or a folder that is taken`() async throws {
    let stack = try await SharedStack.get()
    let port = try #require(stack.url.split(separator: ":").last)
    let taken = try await wf("dev", "--port", "\(port)", "--", "true")
    #expect(taken.code == 69)
    #expect(taken.error.contains("Address already in use; --port names another"))
    let shared = try await wf("dev", "--data", stack.folder, "--", "true")
    #expect(shared.code == 69)
    #expect(shared.error.contains("another wf dev runs there"))
    #expect(try await stack.post(Examples.example.bytes).status == 202)
  }

  @Test func `wf doctor names what is wrong and what to do`() async throws {
    let away = try await wf("doctor", settings: ["REDIS_URL": "redis://127.0.0.1:9/0"])
    #expect(away.code == 1)
    #expect(away.output.contains("FAILED   Redis at redis://127.0.0.1:9/0"))
    #expect(away.output.contains("→ start Redis, or set REDIS_URL"))
    let stack = try await SharedStack.get()
    let redis = "redis+unix://\(stack.folder)/redis.sock"
    let there = try await wf("doctor", settings: ["REDIS_URL": redis, "WF_URL": stack.url])
    for line in ["Redis takes writes", "Redis evicts nothing", "the API at \(stack.url) answers"] {
      #expect(there.output.contains("ok       \(line)"))
    }
    #expect(there.output.contains("warning  no model is configured"))
  }

  @Test func `secrets may come as credentials of the service manager`() async throws {
    try await withFolder { folder in
      system("echo hush > \(folder)/llm_api_key; echo hush > \(folder)/redis_password")
      let outcome = try await wf(
        "config",
        settings: [
          "CREDENTIALS_DIRECTORY": folder, "WF_LLM_BASE_URL": "http://127.0.0.1:1/v1", "WF_LLM_MODEL": "m",
          "REDIS_URL": "redis://127.0.0.1:6379/0",
        ])
      #expect(outcome.code == 0)
      let key = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("WF_LLM_API_KEY=") })
      #expect(key.hasSuffix("credential"))
      #expect(outcome.output.contains("***@127.0.0.1"))
      #expect(!outcome.output.contains("hush"))
    }
  }

  @Test func `wf dev ends with its command's exit code and leaves nothing running`() async throws {
    let outcome = try await wf("dev", "--", "sh", "-c", "echo $REDIS_URL; wf example > /dev/null; exit 7")
    #expect(outcome.code == 7)
    let socket = outcome.output.filter { !$0.isNewline }.dropFirst("redis+unix://".count)
    #expect(access(String(socket), F_OK) != 0)
  }

  @Test func `a killed nginx takes its workers with it, and another takes its place`() async throws {
    try await Stack.with(.init()) { stack in
      let old = try stack.processID(of: "nginx")
      try stack.signal(SIGKILL, to: "nginx")
      try await stack.waitForSuccessor(of: "nginx", after: old)
      _ = try await wait("the new nginx") { try? await stack.send("GET", "/status/health") }
      #expect(try await stack.run(Examples.example)["status"] == "finished")
      _ = try await wait("the end of the old group") { kill(-old, 0) != 0 ? true : nil }
      #expect(try !stack.log(of: "nginx").contains("Address already in use"))
    }
  }

  @Test func `the parts of a killed wf dev die with it`() async throws {
    try await withFolder { folder in try await killDev(in: folder) }
  }

  private func killDev(in folder: String) async throws {
    let parts = ["redis", "nginx", "api", "worker-1"]
    let result = try await Subprocess.run(
      .path(FilePath(Stack.executable)),
      arguments: ["dev", "--data", folder, "--", "sh", "-c", "echo $WF_URL; exec cat > /dev/null"],
      input: .inputWriter, output: .sequence, error: .discarded
    ) { execution -> (url: String, parts: [pid_t]) in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      let url = try await lines.next()?.filter { !$0.isNewline } ?? ""
      let ids = try parts.map { part in
        let file = try FileDescriptor.open(FilePath("\(folder)/\(part).pid"), .readOnly)
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = try file.closeAfter { try bytes.withUnsafeMutableBytes { try file.read(into: $0) } }
        return pid_t(String(decoding: bytes[..<count], as: UTF8.self).filter(\.isNumber)) ?? 0
      }
      kill(execution.processIdentifier.value, SIGKILL)
      return (url, ids)
    }
    for id in result.closureResult.parts {
      _ = try await wait("the end of process \(id)") { kill(id, 0) != 0 ? true : nil }
    }
    // nginx's workers hold the port: they are children of a part.
    let url = result.closureResult.url
    _ = try await wait("the port to be free") {
      try await wf("status", "x", settings: ["WF_URL": url]).error.contains("no connection") ? true : nil
    }
  }
}
