import Curl
import ExactJSON
import Glibc
import ModelServer
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// `wf dev`: how it begins, and above all how it ends.
@Suite struct DevTests {
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

  @Test func `wf dev ends with its command's exit code and leaves nothing running`() async throws {
    let outcome = try await wf("dev", "--", "sh", "-c", "echo $REDIS_URL; wf example > /dev/null; exit 7")
    #expect(outcome.code == 7)
    let socket = outcome.output.filter { !$0.isNewline }.dropFirst("redis+unix://".count)
    #expect(access(String(socket), F_OK) != 0)
  }

  @Test func `paths with blanks, quotes and brackets work`() async throws {
    try await withFolder { folder in
      let data = "\(folder)/my \"data\" [x]"
      system("printf 'appendfsync always\\n' > '\(folder)/my redis.conf'")
      let outcome = try await wf(
        "dev", "--data", data, "--redis-config", "my redis.conf", "--", "wf", "run", "--example", in: folder)
      #expect(outcome.code == 0)
      #expect(outcome.output.contains("summarize-then-store"))
      #expect(access("\(data)/redis/appendonlydir", F_OK) == 0)
    }
  }

  @Test func `what the command has started ends with the command`() async throws {
    // One child in the command's process group, one in a session of its own whose parent has ended.
    let script = "sleep 1000 & echo $!; setsid -f sh -c 'echo $$; exec sleep 1000'; exit 3"
    let outcome = try await wf("dev", "--", "sh", "-c", script)
    #expect(outcome.code == 3)
    let children = outcome.output.split(separator: "\n").compactMap { pid_t($0) }
    #expect(children.count == 2)
    for child in children { #expect(kill(child, 0) != 0) }
    #expect(try await wf("dev", "--", "sh", "-c", "kill -9 $$").code == 137)
    let absent = try await wf("dev", "--", "no-such-command")
    #expect(absent.code == 127)
    #expect(absent.error.contains("no-such-command: No such file or directory"))
  }

  /// Starts `wf dev` with a run whose model call is held, and signals it.
  /// - Parameters:
  ///   - arguments: what follows `wf dev --data FOLDER`.
  ///   - companion: a signal that is sent in the same moment as the first one.
  /// - Returns: how it ended, and what it wrote on standard error.
  private func stop(
    _ arguments: [String], drain: String, in folder: String, by signals: [Int32], also companion: Int32? = nil
  ) async throws -> (TerminationStatus, String) {
    let model = try ModelServer()
    defer { model.close() }
    model.behaviour = .hold
    let result = try await Subprocess.run(
      .path(FilePath(Stack.executable)), arguments: Arguments(["dev", "--data", folder] + arguments),
      environment: .ofTests([
        "WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m", "WF_LEASE_S": "60", "WF_DRAIN_S": drain,
      ]), input: .none, output: .discarded, error: .sequence
    ) { execution in
      var text = ""
      var left = signals[...]
      var repeating: Task<Void, any Error>?
      defer { repeating?.cancel() }
      func signal() { if let next = left.popFirst() { kill(execution.processIdentifier.value, next) } }
      for try await line in execution.standardError.strings() {
        text += line
        if line.contains("step_start  llm") {
          try await model.waitForCalls(1)
          signal()
          if let companion { kill(execution.processIdentifier.value, companion) }
        }
        if line.contains("stopping nginx"), let next = left.popFirst() {
          // One that comes in the same moment as the first is no second one.
          let process = execution.processIdentifier.value
          repeating = Task {
            while true {
              kill(process, next)
              try await ContinuousClock().sleep(for: .milliseconds(50))
            }
          }
        }
      }
      return text
    }
    return (result.terminationStatus, result.closureResult)
  }

  @Test func `Ctrl-C stops the workers before the Redis that they need, and says so`() async throws {
    try await withFolder { folder in
      let port = "\(freePort())"
      let (status, text) = try await stop(["--port", port], drain: "0.5", in: folder, by: [SIGINT])
      #expect(status == .exited(0))
      #expect(
        text.contains("wf dev: stopping nginx, the API and the workers, then Redis; Ctrl-C again ends all at once"))
      // The worker has handed its run back: it found Redis there until its end.
      let log = String(decoding: try Stack.read("\(folder)/log/worker-1.log"), as: UTF8.self)
      #expect(log.contains("worker stopped"))
      #expect(!log.contains("Redis is unavailable"))
      let redis = try await wf(
        "dev", "--data", folder, "--workers", "0", "--", "sh", "-c",
        """
        redis() { redis-cli -s '\(folder)/redis.sock' "$@"; }
        redis --scan --pattern 'wf:*leases' | wc -l; redis LLEN "$(redis --scan --pattern 'wf:*queue:*')"
        """)
      #expect(redis.output == "0\n1\n")
    }
  }

  @Test func `signals of one moment, as timeout sends them, stop it in good order`() async throws {
    try await withFolder { folder in
      let port = "\(freePort())"
      // Two of one kind could become one on their way.
      let (status, text) = try await stop(["--port", port], drain: "0.5", in: folder, by: [SIGINT], also: SIGTERM)
      // Which of the two is seen first is left to the kernel.
      #expect([.exited(0), .exited(143)].contains(status))
      #expect(text.contains("stopping nginx") && !text.contains("ending all at once"))
      let log = String(decoding: try Stack.read("\(folder)/log/worker-1.log"), as: UTF8.self)
      #expect(log.contains("worker stopped"))
    }
  }

  @Test func `a folder that cannot be had has an exit code, and is named`() async throws {
    try await withFolder { folder in
      system("touch '\(folder)/file'")
      for (data, code) in [
        ("\(folder)/no/folder", 66), ("\(folder)/file", 66), ("\(folder)/file/x", 66), ("/proc/x", 66),
        ("\(folder)/" + String(repeating: "x", count: 80), 64),
      ] as [(String, Int32)] {
        let outcome = try await wf("dev", "--data", data, "--", "true")
        #expect(outcome.code == code, "\(data)")
        #expect(outcome.error.contains("--data \(data): "))
      }
    }
  }

  @Test func `no process id outlives its process`() async throws {
    try await withFolder { folder in
      system("echo 1 > '\(folder)/worker-9.pid'")
      let script = "ls '\(folder)'; kill -9 $(cat '\(folder)/worker-1.pid'); exit 3"
      let outcome = try await wf("dev", "--data", folder, "--", "sh", "-c", script)
      #expect(outcome.code == 3)
      let names = outcome.output.split(separator: "\n")
      #expect(names.contains("worker-1.pid") && !names.contains("worker-9.pid"))
      let left = try await Subprocess.run(.name("ls"), arguments: [folder], output: .string(limit: 1 << 16))
      #expect(left.standardOutput.contains("redis") && !left.standardOutput.contains(".pid"))
    }
  }

  @Test func `a second Ctrl-C ends everything at once`() async throws {
    try await withFolder { folder in
      let port = "\(freePort())"
      let (status, _) = try await stop(["--port", port], drain: "600", in: folder, by: [SIGINT, SIGINT])
      #expect(status == .exited(130))
    }
  }

  @Test func `SIGTERM ends the command and what it has started, with exit code 143`() async throws {
    try await withFolder { folder in
      let script = "trap '' TERM; setsid -f sh -c 'echo $$ > \(folder)/child; exec sleep 1000'; exec wf run --example"
      let (status, _) = try await stop(["--", "sh", "-c", script], drain: "0", in: folder, by: [SIGTERM])
      #expect(status == .exited(143))
      let child = String(decoding: try Stack.read("\(folder)/child"), as: UTF8.self)
      #expect(kill(try #require(pid_t(child.filter(\.isNumber))), 0) != 0)
    }
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
