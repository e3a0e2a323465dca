import ArgumentParser

/// `wf run`: submits a workflow and waits for its result.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Submit a workflow, follow it and print its result.",
    discussion: """
      wf run workflow.json
      wf example | wf run -
      wf run --example --watch

      Progress goes to standard error, the result to standard output. WF_URL says where the API is, \
      http://127.0.0.1:8000 unless set. While the API is away the command waits, for a minute unless --patience says \
      otherwise; a submission that is repeated has the same Idempotency-Key, so that it is one run. Ctrl-C ends the command, not the run: wf watch follows it again.
      """)

  @Argument(help: "A file with the workflow as JSON, or - for standard input.", completion: .file())
  var file: String?

  @Flag(help: "Submit the example instead of a file.")
  var example = false

  @Flag(help: "Show a live table of the steps.")
  var watch = false

  @OptionGroup var options: DisplayOptions

  func validate() throws {
    guard (file == nil) == example else { throw ValidationError("Name a FILE, - or --example.") }
  }

  func run() async throws {
    let client = try APIClient(Settings.apiAccess())
    // No API takes a larger body (WF_MAX_BODY_BYTES).
    let body = try file.map { try Files.read($0, limit: 64 << 20) } ?? ExampleCommand.body
    let interruption = await Interruption()
    let job = try await Submission(client: client, patience: options.wait).submit(body)
    interruption.accepted(job)
    Terminal.say("accepted \(job)")
    let status = try await RunFollower(client: client, patience: options.wait).follow(
      job, on: options.display(watches: watch))
    try RunOutcome.conclude(status, asJSON: options.json)
  }
}
