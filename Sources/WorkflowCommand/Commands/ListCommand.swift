import ArgumentParser
import ExactJSON

/// `wf list`: lists runs.
struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List runs, the newest first.",
    usage: "wf list [FILTER ...] [--limit N] [--json | --watch]\n       wf list --dead [--limit N] [--json]",
    discussion: """
      A line each: when it was submitted, its status, how long it took or waits, its job, its name, and why it failed.

      wf list --status failed --since 2h
      wf list --label customer=acme --json | jq -r .runs[].job_id
      wf list --status started --watch
      wf list --dead
      """)

  @OptionGroup var selection: RunSelection

  @Flag(help: "The runs whose workers died three times in a row (dead letters).")
  var dead = false

  @Option(help: "How many at most, up to 1000.")
  var limit = 100

  @Flag(help: "Print the API's JSON.")
  var json = false

  @Flag(help: "Show the list again every two seconds, until Ctrl-C.")
  var watch = false

  func validate() throws {
    guard (1...1_000).contains(limit) else { throw ValidationError("--limit is from 1 to 1000.") }
    if dead, !selection.isEmpty { throw ValidationError("--dead goes with no other filter.") }
    if watch, json || dead { throw ValidationError("--watch shows a table: it goes with neither --json nor --dead.") }
  }

  func run() async throws {
    let client = try APIClient(Settings.apiAccess())
    if dead { return try await showDead(client) }
    if watch { return try await keepShowing(client) }
    let page = try await client.runs(selection.items, limit: limit)
    if json { return Terminal.show(.object(page)) }
    let lines = RunTable.lines(of: page, width: Terminal.lineWidth)
    for line in lines { Terminal.show(line) }
    if lines.isEmpty { Terminal.say("there are no such runs") }
    if page["next"] != .null { Terminal.say("more follow: --limit shows more, --since and --before other times") }
  }

  private func keepShowing(_ client: APIClient) async throws {
    while true {
      let size = Terminal.size
      let page = try await client.runs(selection.items, limit: min(limit, max(1, size.rows - 3)))
      let runs = RunTable.lines(of: page, width: size.columns)
      let lines = try await summary(client) + (runs.isEmpty ? ["there are no such runs"] : runs)
      // Home, and clear what is below.
      if Terminal.isInteractive { Terminal.write("\u{1b}[H\u{1b}[J") }
      for line in lines { Terminal.show(line) }
      try await Task.sleep(for: .seconds(2))
    }
  }

  /// A line with the counts of all runs; none where the key may not see them.
  private func summary(_ client: APIClient) async throws -> [String] {
    do {
      return [RunTable.summary(try await client.counts())]
    } catch let failure as CommandFailure where failure.code == .noPermission {
      return []
    }
  }

  private func showDead(_ client: APIClient) async throws {
    let answer = try await client.deadLetters(limit: limit)
    if json { return Terminal.show(.object(answer)) }
    let runs = answer["runs"]?.arrayValue?.compactMap(\.objectValue) ?? []
    for run in runs { Terminal.show(line(run)) }
    if runs.isEmpty { Terminal.say("no run has taken down too many workers") }
  }

  /// When the run was given up, which it is, what its worker was running, and why it was given up.
  private func line(_ run: JSONObject) -> String {
    let steps = run["steps_in_flight"]?.arrayValue?.compactMap(\.stringValue) ?? []
    let time = run["finished_ts"]?.numberValue.flatMap { Double($0.text) }.map { DateText.utc(Int($0)) }
    let words = [
      time ?? "", run["job_id"]?.stringValue ?? "", run["run_name"]?.stringValue ?? "",
      steps.isEmpty ? "before its first step" : "in \(steps.joined(separator: ", "))", run["error"]?.stringValue ?? "",
    ]
    return words.map(\.oneLine).joined(separator: "  ")
  }
}
