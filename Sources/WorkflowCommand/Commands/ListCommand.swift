import ArgumentParser
import ExactJSON

/// `wf list`: lists runs.
struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the runs that took down too many workers (dead letters), the newest first.",
    discussion: """
      wf list --dead
      wf list --dead --json | jq .runs[].job_id
      """)

  @Flag(help: "The runs whose workers died three times in a row; so far the only list.")
  var dead = false

  @Option(help: "How many at most, up to 1000.")
  var limit = 100

  @Flag(help: "Print the API's JSON.")
  var json = false

  func validate() throws {
    guard dead else { throw ValidationError("Say --dead; other lists are yet to come.") }
    guard (1...1_000).contains(limit) else { throw ValidationError("--limit is from 1 to 1000.") }
  }

  func run() async throws {
    let answer = try await APIClient(url: Settings.load(readsDotEnv: true).url).deadLetters(limit: limit)
    if json { return Terminal.show(.object(answer)) }
    let runs = answer["runs"]?.arrayValue?.compactMap(\.objectValue) ?? []
    for run in runs {
      let words = ["job_id", "run_name", "error"].map { run[$0]?.stringValue ?? "" }
      Terminal.show(words.map(\.oneLine).joined(separator: "  "))
    }
    if runs.isEmpty { Terminal.say("no run has taken down too many workers") }
  }
}
