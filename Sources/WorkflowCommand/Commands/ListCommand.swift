import ArgumentParser
import ExactJSON
import Glibc

/// `wf list`: lists runs.
struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the runs that took down too many workers, newest first.",
    discussion: """
      A line each: when the run was given up, its job, its name, the steps that were running when its last worker died, \
      and why it was given up.

      wf list --dead
      wf list --dead --json | jq .runs[].job_id
      """)

  @Flag(help: "The runs whose workers died three times in a row (dead letters). So far the only list.")
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
    let answer = try await APIClient(Settings.apiAccess()).deadLetters(limit: limit)
    if json { return Terminal.show(.object(answer)) }
    let runs = answer["runs"]?.arrayValue?.compactMap(\.objectValue) ?? []
    for run in runs { Terminal.show(line(run)) }
    if runs.isEmpty { Terminal.say("no run has taken down too many workers") }
  }

  /// When the run was given up, which it is, what its worker was running, and why it was given up.
  private func line(_ run: JSONObject) -> String {
    let steps = run["steps_in_flight"]?.arrayValue?.compactMap(\.stringValue) ?? []
    let time = run["finished_ts"]?.numberValue.flatMap { Double($0.text) }.map { ListCommand.time(Int($0)) }
    let words = [
      time ?? "", run["job_id"]?.stringValue ?? "", run["run_name"]?.stringValue ?? "",
      steps.isEmpty ? "before its first step" : "in \(steps.joined(separator: ", "))", run["error"]?.stringValue ?? "",
    ]
    return words.map(\.oneLine).joined(separator: "  ")
  }

  /// A time in UTC, such as `2026-11-29T10:12:32Z`.
  private static func time(_ seconds: Int) -> String {
    var seconds = time_t(seconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ number: Int32) -> String { String(number + 100).dropFirst().description }
    let date = "\(parts.tm_year + 1_900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }
}
