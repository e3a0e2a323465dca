import ArgumentParser

/// What `wf dev` runs its command with; nothing else calls it.
struct SuperviseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "supervise", abstract: "Run a command, and end its child processes with it.", shouldDisplay: false)

  @Argument(parsing: .postTerminator, help: "The command.")
  var command: [String]

  func run() async throws {
    throw ExitCode(try await CommandSupervisor(command: command).run())
  }
}
