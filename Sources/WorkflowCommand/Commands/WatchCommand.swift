import ArgumentParser

/// How a run is shown, for the commands that follow one.
struct DisplayOptions: ParsableArguments {
  @Flag(help: "Print progress entries, then the status, as lines of JSON on standard output.")
  var json = false

  @Option(help: "How many seconds the API may be away, up to 86400.")
  var patience = 60

  /// How long the API may be away.
  var wait: Duration { .seconds(patience) }

  func validate() throws {
    guard (0...86_400).contains(patience) else { throw ValidationError("--patience is from 0 to 86400.") }
  }

  /// The display that fits: a table for people at a terminal who want to watch.
  func display(watches: Bool) -> any RunDisplay {
    if json { return JSONDisplay() }
    return watches && Terminal.isInteractive ? TableDisplay() : LineDisplay()
  }
}

/// `wf watch`: shows a run until its end.
struct WatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Watch a run to its end: a live table of its steps, then its result.",
    discussion: """
      wf watch b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2

      Plain lines when standard output is no terminal. Ctrl-C ends the command, not the run.
      """)

  @Argument(help: "The job's id.")
  var id: String

  @OptionGroup var options: DisplayOptions

  func run() async throws {
    let client = try APIClient(Settings.apiAccess())
    // Where there is no API, or no such job, this says so at once; from here on the API may be away for a while.
    _ = try await client.status(of: id)
    let interruption = await Interruption()
    interruption.accepted(id)
    let status = try await RunFollower(client: client, patience: options.wait).follow(
      id, on: options.display(watches: true))
    try RunOutcome.conclude(status, asJSON: options.json)
  }
}
