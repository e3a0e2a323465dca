import ExactJSON
import Glibc
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// `wf top` from outside: without a terminal, and in one that `script` (util-linux) makes.
@Suite struct TopTests {
  @Test func `Without a terminal it prints one look and ends`() async throws {
    // Not the shared stack: the runs of other tests would take the place of this one.
    try await Stack.with { stack in
      let id = try await stack.submit(Examples.example)
      _ = try await stack.end(of: id)
      for arguments in [["top"], ["top", "--once"]] {
        let outcome = try await wf(arguments, settings: ["WF_URL": stack.url])
        #expect(outcome.code == 0)
        for part in ["wf top  \(stack.url)", "finished", "workers ", "ACTIVE", "ENDED", id] {
          #expect(outcome.output.contains(part), "\(part)")
        }
        #expect(!outcome.output.contains("\u{1b}"))
      }
    }
  }

  @Test func `Where there is no API it says so`() async throws {
    let outcome = try await wf("top", settings: ["WF_URL": "http://127.0.0.1:9"])
    #expect(outcome.code == 69)
    #expect(outcome.error.contains("http://127.0.0.1:9"))
  }

  /// The escape sequences with which the screen is taken and given back.
  private static let (taken, given) = ("\u{1b}[?1049h", "\u{1b}[?1049l")

  @Test func `In a terminal it takes the screen, steers runs by keys, and gives the screen back`() async throws {
    try await Stack.with(.init(workers: 0)) { stack in
      let id = try await stack.submit(Examples.example)
      let terminal = try PseudoTerminal(
        ["top", "--interval", "0.5"], columns: 60, settings: ["WF_URL": stack.url, "NO_COLOR": "1"])
      defer { terminal.close() }
      try await terminal.wait(for: String(id.prefix(8)))
      #expect(terminal.text.contains(Self.taken))
      #expect(terminal.text.contains("no worker is alive"))
      terminal.type("p")
      try await terminal.wait(for: "paused")
      #expect(try await stack.status(id)["paused"] == true)
      terminal.type("\r")
      try await terminal.wait(for: "llm_summarize")
      terminal.type("c")
      try await terminal.wait(for: "? y/n")
      terminal.type("y")
      try await terminal.wait(for: "cancelled")
      #expect(try await stack.end(of: id)["status"] == "cancelled")
      terminal.type("q")
      #expect(try await terminal.end() == 0)
      #expect(terminal.text.contains(Self.given))
      // No colour: NO_COLOR.
      #expect(!terminal.text.contains("\u{1b}[3"))
    }
  }

  @Test func `An API that goes away is said in the view, and its return is seen`() async throws {
    try await Stack.with(.init(workers: 0)) { stack in
      let id = try await stack.submit(Examples.example)
      let terminal = try PseudoTerminal(["top", "--interval", "0.5"], columns: 90, settings: ["WF_URL": stack.url])
      defer { terminal.close() }
      try await terminal.wait(for: String(id.prefix(8)))
      let api = try stack.processID(of: "api")
      kill(api, SIGSTOP)
      try await terminal.wait(for: "NO ANSWER")
      kill(api, SIGCONT)
      terminal.forget()
      try await terminal.wait(for: String(id.prefix(8)), without: "NO ANSWER")
      terminal.type("\u{3}")
      #expect(try await terminal.end() == 130)
      #expect(terminal.text.contains(Self.given))
    }
  }
}
