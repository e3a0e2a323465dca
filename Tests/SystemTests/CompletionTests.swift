import Glibc
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// The completions as the shells load them, and what a person gets who presses the tab key.
@Suite struct CompletionTests {
  /// How a shell is started without the settings of whoever runs the tests, and told of the completions.
  struct Shell: Sendable, CustomTestStringConvertible {
    let name: String
    let arguments: [String]
    /// Lines that it is told first.
    let setup: @Sendable (_ folder: String) -> [String]
    /// The completions' file.
    let file: String

    var testDescription: String { name }
  }

  static let shells = [
    Shell(
      name: "bash", arguments: ["--norc", "--noprofile", "-i"],
      setup: { ["bind 'set bell-style none'; bind 'set enable-bracketed-paste off'", "source \($0)/wf"] }, file: "wf"),
    Shell(
      name: "zsh", arguments: ["-f", "-i"],
      setup: { ["unsetopt beep; fpath=(\($0) $fpath); autoload -U compinit; compinit -u -D"] }, file: "_wf"),
    Shell(name: "fish", arguments: ["--no-config", "-i"], setup: { ["source \($0)/wf.fish"] }, file: "wf.fish"),
  ]

  @Test(arguments: shells)
  func `A shell completes a command, an option and a value`(_ shell: Shell) async throws {
    try await withFolder { folder in
      let script = try await wf("--generate-completion-script", shell.name)
      #expect(script.code == 0)
      let path = FilePath("\(folder)/\(shell.file)")
      let file = try FileDescriptor.open(path, .writeOnly, options: .create, permissions: .ownerReadWrite)
      try file.closeAfter { _ = try file.writeAll(script.output.utf8) }
      let programs = String(Stack.executable.dropLast("/wf".count))
      let terminal = try PseudoTerminal(
        shell.arguments, of: shell.name, columns: 120,
        settings: ["PATH": "\(programs):/usr/bin:/bin", "HOME": folder, "INPUTRC": "/dev/null", "TERM": "dumb"])
      defer { terminal.close() }
      for line in shell.setup(folder) { terminal.type("\(line)\r") }
      // The shell takes keys: what it prints is no echo.
      terminal.type("echo ready''now\r")
      try await terminal.wait(for: "readynow")
      for (typed, completed) in [
        ("wf sched", "wf schedules "), ("wf list --pau", "wf list --paused "),
        ("wf list --status fin", "wf list --status finished "),
      ] {
        terminal.forget()
        terminal.type("\(typed)\t")
        try await terminal.wait(for: completed)
        terminal.type("\u{15}")
      }
    }
  }

  @Test func `The manual page is one that mandoc and man have nothing to say about`() async throws {
    try await withFolder { folder in
      let docs = "Sources/WorkflowCommand/WorkflowCommand.docc"
      let page = try await wf("manual", "--docs", docs, "--date", "November 30, 2026")
      #expect(page.code == 0 && page.error == "")
      let path = FilePath("\(folder)/wf.1")
      let file = try FileDescriptor.open(path, .writeOnly, options: .create, permissions: .ownerReadWrite)
      try file.closeAfter { _ = try file.writeAll(page.output.utf8) }
      let lint = "mandoc -T lint -W warning \(path) 2>&1; man --warnings -l \(path) 2>&1 > \(folder)/text"
      let said = try await Subprocess.run(
        .name("sh"), arguments: ["-c", lint], output: .string(limit: 1 << 20), error: .discarded)
      #expect(said.standardOutput == "")
      let text = String(decoding: try Stack.read("\(folder)/text"), as: UTF8.self)
      for part in ["wf schedules put", "--interval", "REDIS_URL", "/etc/wf/wf.env", "EXIT STATUS", "EXAMPLES"] {
        #expect(text.contains(part), "\(part)")
      }
    }
  }
}
