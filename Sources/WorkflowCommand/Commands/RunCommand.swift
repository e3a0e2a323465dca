import ArgumentParser

/// `wf run`: submits a workflow and waits for its result.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Submit a workflow, follow it and print its result.",
    discussion: """
      wf run workflow.json
      wf example | wf run -
      wf run --example

      Progress goes to standard error, the result to standard output. The API is looked for at WF_URL
      (http://127.0.0.1:8000 unless set).
      """)

  @Argument(help: "A file with the workflow as JSON, or - for standard input.")
  var file: String?

  @Flag(help: "Submit the example instead of a file.")
  var example = false

  func validate() throws {
    guard (file == nil) == example else { throw ValidationError("Name a FILE, - or --example.") }
  }

  func run() async throws {
    let client = try APIClient(url: Settings.load(readsDotEnv: true).url)
    let body = try file.map(Files.read) ?? ExampleCommand.body
    let job = try await client.submit(body)
    Terminal.say("accepted \(job)")
    try await RunFollower(client: client).follow(job)
  }
}
