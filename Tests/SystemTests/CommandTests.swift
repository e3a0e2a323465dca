import Curl
import ExactJSON
import Glibc
import Hiredis
import Subprocess
import RedisFixture
import SystemHarness
import SystemPackage
import Testing

/// The `wf` command: what it prints, and its exit codes.
@Suite struct CommandTests {
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
    let away = ["WF_URL": "http://127.0.0.1:9"]
    #expect(try await wf("run", "--example", "--patience", "0", settings: away).code == 69)
  }

  @Test func `a result that cannot be written is no success`() async throws {
    let stack = try await SharedStack.get()
    for arguments in ["run --example", "--help", "run --help", "--version", "example", "config"] {
      let command = "WF_URL=\(stack.url) \(Stack.executable) \(arguments) > /dev/full"
      let result = try await Subprocess.run(
        .name("sh"), arguments: ["-c", command], output: .discarded, error: .string(limit: 1 << 20))
      #expect(result.terminationStatus == .exited(74), "\(arguments)")
      #expect(result.standardError.contains("wf: standard output: No space left on device"))
    }
  }

  @Test func `a socket that cannot be made is named`() async throws {
    let outcome = try await wf("api", "--socket", "/nonexistent/api.sock")
    #expect(outcome.code == 78)
    #expect(outcome.error.contains("wf: --socket /nonexistent/api.sock: "))
    #expect(outcome.error.contains("No such file or directory"))
  }

  @Test func `wf api listens for other hosts only if clients there are to be answered`() async throws {
    for socket in ["0.0.0.0:0", "[::]:0"] {
      let outcome = try await wf("api", "--socket", socket)
      #expect(outcome.code == 78)
      #expect(outcome.error.contains("WF_ALLOW_ANONYMOUS=1"))
    }
  }

  @Test func `wf api admits no address to the metrics where clients say themselves which one they have`() async throws {
    for socket in ["0.0.0.0:0", "[::]:0"] {
      let settings = ["WF_API_KEYS_FILE": "/nonexistent/keys", "WF_METRICS_ALLOW": "10.1.2.3"]
      let outcome = try await wf("api", "--socket", socket, settings: settings)
      #expect(outcome.code == 78)
      #expect(outcome.error.contains("in place of WF_METRICS_ALLOW"))
    }
  }

  @Test func `no line of any help is broken`() async throws {
    let commands = [
      "api", "worker", "run", "watch", "status", "list", "cancel", "retry", "rerun", "pause", "resume", "workers",
      "drain", "top", "callbacks", "stores", "models", "example", "config", "doctor", "dev",
    ]
    for width in [80, 120] {
      for command in [[], ["models", "test"]] + commands.map({ [$0] }) {
        let outcome = try await wf(command + ["--help"], settings: ["COLUMNS": "\(width)"])
        #expect(outcome.code == 0)
        let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.allSatisfy { $0.count <= width })
        // A paragraph is filled: a line that ends early would have had room for the next one's first word.
        for (line, next) in zip(lines, lines.dropFirst()) where line.count > 50 && next.first?.isLetter == true {
          if line.hasPrefix("wf ") || next.hasPrefix("wf ") { continue }
          let word = next.prefix { $0 != " " }
          #expect(line.count + 1 + word.count >= width, "\(command) at \(width): \(line)")
        }
      }
    }
  }

  @Test func `a non-blocking standard output gets all of a result`() async throws {
    let stack = try await SharedStack.get()
    let id = try await stack.submit(Examples.workflow(text: String(repeating: "x", count: 600_000)))
    _ = try await stack.end(of: id)
    try await withFolder { folder in try await readSlowly("status", id, stack: stack, pipe: "\(folder)/pipe") }
  }

  /// Runs a command whose standard output is a non-blocking pipe that is read when it is full.
  private func readSlowly(_ arguments: String..., stack: Stack, pipe: String) async throws {
    #expect(mkfifo(pipe, 0o600) == 0)
    let options: FileDescriptor.OpenOptions = [.nonBlocking, .closeOnExec]
    let reading = try FileDescriptor.open(FilePath(pipe), .readOnly, options: options)
    defer { try? reading.close() }
    let writing = try FileDescriptor.open(FilePath(pipe), .writeOnly, options: options)
    async let result = Subprocess.run(
      .path(FilePath(Stack.executable)), arguments: Arguments(arguments),
      environment: .inherit.updating(["WF_URL": stack.url]), input: .none,
      output: .fileDescriptor(writing, closeAfterSpawningProcess: true), error: .string(limit: 1 << 20))
    // The pipe is full before anything is read.
    var waiting: Int32 = 0
    _ = try await wait("a full pipe") {
      _ = ioctl(reading.rawValue, UInt(FIONREAD), &waiting)
      return waiting >= 1 << 16 ? true : nil
    }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    _ = try await wait("the end of the output") {
      let count = read(reading.rawValue, &piece, piece.count)
      if count > 0 { bytes += piece[..<count] }
      return count == 0 ? true : nil
    }
    #expect(try await result.terminationStatus == .exited(0))
    #expect(try JSONValue(parsing: bytes).objectValue?["status"] == "finished")
  }

  @Test func `Ctrl-C ends the command, says that the run continues, and how to follow it`() async throws {
    try await Stack.with(.init(workers: 0)) { stack in
      let id = try await stack.submit(Examples.example)
      for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)] {
        for arguments in [["watch", id], ["run", "--example"]] {
          let (status, text) = try await interrupt(arguments, at: "  enqueued", by: signal, stack)
          #expect(status == .exited(code))
          let job =
            arguments[0] == "watch" ? id : text.split(separator: "\n")[0].dropFirst("accepted ".count).description
          #expect(text.hasSuffix("wf: the run continues; follow it with: wf watch \(job)\n"))
          #expect(try await stack.status(job)["status"] == "queued")
        }
      }
    }
  }

  /// Sends a signal to a command when it has written a line on standard error.
  /// - Returns: how it ended, and what it wrote there.
  private func interrupt(
    _ arguments: [String], at line: String, by signal: Int32, _ stack: Stack
  ) async throws -> (TerminationStatus, String) {
    let result = try await Subprocess.run(
      .path(FilePath(Stack.executable)), arguments: Arguments(arguments),
      environment: .inherit.updating(["WF_URL": stack.url]), input: .none, output: .discarded, error: .sequence
    ) { execution in
      var text = ""
      for try await found in execution.standardError.strings() {
        text += found.filter { !$0.isNewline } + "\n"
        if found.hasPrefix(line) { kill(execution.processIdentifier.value, signal) }
      }
      return text
    }
    return (result.terminationStatus, result.closureResult)
  }

  @Test func `wf list --dead says when a run was given up, and in which steps`() async throws {
    try await Stack.with(.init(workers: 0)) { stack in
      #expect(try await wf("list", "--dead", settings: ["WF_URL": stack.url]).error.contains("no run has taken down"))
      let id = try await stack.submit(Examples.example)
      for entry in [
        #"{"ts":1.000000,"msg":"step_done","step":"pre","outputs":{}}"#, #"{"ts":2.000000,"msg":"resumed"}"#,
        #"{"ts":2.000000,"msg":"step_start","step":"llm","op":"llm_summarize"}"#,
        #"{"ts":2.000000,"msg":"step_start","step":"other","op":"preprocess"}"#, #"{"ts":3.000000,"msg":"failed"}"#,
      ] { _ = try await stack.command("RPUSH", stack.key("progress", id), entry) }
      _ = try await stack.command(
        "HSET", stack.key("job", id), "status", "failed", "finished_ts", "1795460055.171802",
        "error_code", "worker_crashed", "error", "workers died")
      _ = try await stack.command("ZADD", stack.key("dead", ofPartition: id), "1", id)
      let outcome = try await wf("list", "--dead", settings: ["WF_URL": stack.url])
      #expect(outcome.output == "2026-11-23T18:54:15Z  \(id)  summarize-then-store  in llm, other  workers died\n")
      #expect(outcome.code == 0)
      // What is piped is not cut to the width of a terminal.
      let list = try await wf("list", settings: ["WF_URL": stack.url])
      #expect(list.output.hasSuffix("  \(id)  summarize-then-store  workers died\n"))
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

  @Test func `only a process that sends requests loads libcurl, and says so when it cannot`() async throws {
    let stack = try await SharedStack.get()
    for part in ["api", "worker-1"] {
      let maps = try Stack.read("/proc/\(try stack.processID(of: part))/maps")
      #expect(!String(decoding: maps, as: UTF8.self).contains("libcurl"), "\(part)")
    }
    try await withFolder { folder in
      system("touch \(folder)/libcurl.so.4")
      let model = ["WF_LLM_BASE_URL": "http://127.0.0.1:9/v1", "WF_LLM_MODEL": "m"]
      let settings = ["LD_LIBRARY_PATH": folder, "WF_URL": stack.url].merging(model) { $1 }
      for arguments in [["status", "x"], ["doctor"], ["worker"]] {
        let outcome = try await wf(arguments, settings: settings)
        #expect(outcome.code == 1, "\(arguments)")
        #expect(outcome.error.contains("libcurl.so.4 cannot be loaded: "), "\(arguments)")
        #expect(outcome.error.contains("; install the package libcurl4\n"), "\(arguments)")
      }
    }
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
  }

  @Test(.enabled(if: geteuid() == 0, "only root gives a process its own /etc/hosts"))
  func `A refusal is told, and not that the host's other address cannot be reached`() async throws {
    let port = FreePort.find(1)[0]
    let redis = RedisServer("--port", "\(port)", "--bind", "127.0.0.1", "--requirepass", "right")
    try await withFolder { folder in
      system("printf '127.0.0.1 redis.test\n::1 redis.test\n' > \(folder)/hosts")
      let script = "mount --bind \(folder)/hosts /etc/hosts && exec \(Stack.executable) doctor"
      let settings = ["REDIS_URL": "redis://:wrong@redis.test:\(port)/0"]
      let outcome = try await wf(
        ["--mount", "sh", "-c", script], settings: settings, program: "/usr/bin/unshare")
      #expect(outcome.code == 1)
      #expect(outcome.output.contains("WRONGPASS"), "\(outcome.output)\(outcome.error)")
    }
    withExtendedLifetime(redis) {}
  }

  @Test func `wf doctor says first that wf is not installed, and examines only what the settings name`() async throws {
    let first = """
      FAILED   wf is not installed as a service on this host
               → Operating.md says how to install it; wf dev runs it without an installation

      """
    let plain = try await wf("doctor")
    #expect(plain.code == 1 && plain.output == first)
    let faulty = try await wf("doctor", settings: ["WF_URL": "http://127.0.0.1:9", "WF_LEASE_S": "soon"])
    #expect(faulty.code == 1 && faulty.output.hasPrefix(first))
    #expect(faulty.output.contains("FAILED   WF_LEASE_S=soon") && faulty.output.contains("→ correct it\n"))
    #expect(faulty.output.contains("→ start wf where WF_URL leads, or correct WF_URL"))
    #expect(!faulty.output.contains("systemctl"))
  }
}
