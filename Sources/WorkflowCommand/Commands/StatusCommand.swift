import ArgumentParser
import ExactJSON

/// `wf status`: prints what is known of a run.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Print the status of a run as JSON.",
    discussion: """
      wf status b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2

      Exit code 1 when the run has failed, 66 when there is no such job.
      """)

  @Argument(help: "The job's id.")
  var id: String

  func run() async throws {
    let client = try APIClient(Settings.apiAccess())
    let status = try await client.status(of: id).object
    Terminal.show(.object(status))
    if status["status"]?.stringValue == "failed" { throw ExitCode(CommandFailure.Code.failed.rawValue) }
  }
}
