import ExactJSON
import Glibc
import Hiredis
import Subprocess
import Synchronization
import SystemHarness
import SystemPackage
import Testing

/// `wf run` and `wf watch` while the API, Redis or the run is away.
@Suite(.timeLimit(.minutes(2))) struct AwayTests {
  @Test func `wf run waits for a Redis that is away, says so once, and submits one run`() async throws {
    try await Stack.with(.init(workers: 1)) { stack in
      try stack.signal(SIGSTOP, to: "redis")
      let result = try await Subprocess.run(
        .path(FilePath(Stack.executable)), arguments: ["run", "--example"],
        environment: .inherit.updating(["WF_URL": stack.url]), input: .none, output: .discarded, error: .sequence
      ) { execution in
        var lines: [String] = []
        for try await line in execution.standardError.strings() {
          lines.append(line)
          if line.contains("Trying again") { try stack.signal(SIGCONT, to: "redis") }
        }
        return lines
      }
      #expect(result.terminationStatus == .exited(0))
      #expect(result.closureResult.count { $0.contains("Trying again for up to 60 s.") } == 1)
      #expect(try await stack.total("LLEN", "store:summaries") == 1)
    }
  }

  @Test func `wf watch says in its table that the API is away, and that it is back`() async throws {
    try await Stack.with(.init(workers: 0)) { stack in
      let id = try await stack.submit(Examples.example)
      let isNoticed = Flag()
      // A terminal for the table.
      let result = try await Subprocess.run(
        .name("script"), arguments: ["-qefc", "exec \(Stack.executable) watch \(id)", "/dev/null"],
        environment: .inherit.updating(["WF_URL": stack.url, "TERM": "xterm"]), input: .none, output: .sequence,
        error: .discarded
      ) { execution in
        try await withThrowingTaskGroup(of: Void.self) { group in
          var text = ""
          for try await line in execution.standardOutput.strings() {
            if !text.contains("0/3"), line.contains("0/3") {
              // It is started again at once, so one death may pass unnoticed.
              group.addTask { try await stack.killAPI(until: { isNoticed.isSet }) }
            }
            text += line
            if text.contains("Waiting for") { isNoticed.set() }
            if line.contains("the API is back") { kill(execution.processIdentifier.value, SIGTERM) }
          }
          isNoticed.set()
          return text
        }
      }
      let text = result.closureResult
      #expect(text.count(of: "Waiting for up to 60 s.") == 1)
      #expect(text.count(of: "wf: the API is back") == 1)
    }
  }

  @Test func `a run that disappears ends the command`() async throws {
    try await Stack.with(.init(workers: 0)) { stack in
      let id = try await stack.submit(Examples.example)
      async let outcome = wf("watch", id, settings: ["WF_URL": stack.url])
      // The command has subscribed to the run's events.
      _ = try await wait("a watcher") {
        try await stack.command("PUBSUB", "NUMSUB", stack.key("events", id)).array?.last?.int == 1 ? true : nil
      }
      _ = try await stack.command("DEL", stack.key("job", id), stack.key("progress", id))
      let end = try await outcome
      #expect(end.code == 66)
      #expect(end.error.contains("wf: there is no job \(id)"))
    }
  }
}

extension Stack {
  /// Kills the API, and each that takes its place, until a condition holds.
  fileprivate func killAPI(until isEnough: () -> Bool) async throws {
    while !isEnough() {
      try? signal(SIGKILL, to: "api")
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}

extension String {
  /// How often a text is in this one.
  fileprivate func count(of part: String) -> Int { ranges(of: part).count }
}
