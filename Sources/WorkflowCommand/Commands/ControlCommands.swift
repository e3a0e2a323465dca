import ArgumentParser
import ExactJSON

/// The runs that a command steers: one by its id, or all that a filter means.
struct SteeredRuns: ParsableArguments {
  @Argument(help: "The job's id; or say which runs by a filter.")
  var job: String?

  @OptionGroup var selection: RunSelection

  @Flag(help: "All runs with which it can be done, instead of a filter.")
  var all = false

  @Flag(help: "Only print with which runs it would be done.")
  var dryRun = false

  @Flag(help: "Print the API's JSON: of one run, or a line for each.")
  var json = false

  /// - Parameter isMeant: whether the command has said otherwise which runs are meant.
  func check(isMeant: Bool = false) throws {
    let isFilter = !selection.isEmpty || all || isMeant
    if job == nil, !isFilter {
      throw ValidationError("Say a job's id, a filter such as --label customer=acme, or --all.")
    }
    if job != nil, isFilter || dryRun { throw ValidationError("A job's id goes with no filter and no --dry-run.") }
    if all, isMeant || !selection.isEmpty { throw ValidationError("--all goes with no filter.") }
  }

  /// Steers the run or the runs, and says what became of them.
  /// - Parameter more: further items of the filter.
  func steer(_ verb: String, _ more: [(name: String, value: String)] = []) async throws {
    let client = try APIClient(Settings.apiAccess())
    guard let job else { return try await steerAll(verb, more, client) }
    let answer = try await client.control(verb, job)
    if json { return Terminal.show(.object(answer)) }
    Terminal.say("\(job.oneLine) is \(answer["status"]?.stringValue ?? "unknown")\(verb == "pause" ? ", paused" : "")")
  }

  private func steerAll(_ verb: String, _ more: [(name: String, value: String)], _ client: APIClient) async throws {
    var filter = try selection.items + more
    if all { filter.append(("all", "1")) }
    if dryRun { filter.append(("dry_run", "1")) }
    var (count, cursor): (Int, String?) = (0, nil)
    repeat {
      let page = try await client.controlAll(verb, filter, limit: 1_000, cursor: cursor)
      for run in page["runs"]?.arrayValue?.compactMap(\.objectValue) ?? [] {
        if run["done"] == true || dryRun { count += 1 }
        show(run, isPaused: verb == "pause")
      }
      cursor = page["next"]?.stringValue
    } while cursor != nil
    Terminal.say("\(dryRun ? "\(verb), if it were done: " : "\(verb): ")\(count) \(count == 1 ? "run" : "runs")")
  }

  private func show(_ run: JSONObject, isPaused: Bool) {
    if json { return Terminal.show(JSONValue.object(run).bytes) }
    let left =
      run["done"] == false
      ? "  left alone: it has changed meanwhile" : run["done"] == true && isPaused ? "  paused" : ""
    let words = [run["job_id"], run["status"], run["run_name"]].map { $0?.stringValue?.oneLine ?? "" }
    Terminal.show(words.joined(separator: "  ") + left)
  }
}

/// `wf cancel`: ends runs.
struct CancelCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "End a run as cancelled, wherever it is; what it has called is aborted.",
    usage: "wf cancel JOB [--json]\n       wf cancel FILTER ... | --all [--dry-run] [--json]",
    discussion: """
      wf cancel JOB
      wf cancel --label customer=acme --dry-run
      """)

  @OptionGroup var target: SteeredRuns

  func validate() throws { try target.check() }

  func run() async throws { try await target.steer("cancel") }
}

/// `wf retry`: runs ended runs again from the steps that failed.
struct RetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: "Run a failed or cancelled run again, from the steps that failed.",
    usage: "wf retry JOB [--json]\n       wf retry FILTER ... | --all | --dead [--dry-run] [--json]",
    discussion: """
      wf retry JOB
      wf retry --error-code rate_limited --since 2h
      wf retry --dead
      """)

  @OptionGroup var target: SteeredRuns

  @Flag(help: "The runs whose workers died three times in a row (dead letters).")
  var dead = false

  func validate() throws { try target.check(isMeant: dead) }

  func run() async throws {
    try await target.steer("retry", dead ? [("status", "failed"), ("error_code", "worker_crashed")] : [])
  }
}

/// `wf rerun`: runs a run again from a step.
struct RerunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rerun", abstract: "Run an ended run again from a step, with all that depends on it.")

  @Option(name: .customLong("from"), help: "The step's id.")
  var step: String

  @Argument(help: "The job's id.")
  var job: String

  @Flag(help: "Print the API's JSON.")
  var json = false

  func run() async throws {
    let answer = try await APIClient(Settings.apiAccess()).control("rerun", job, ["from": .string(step)])
    if json { return Terminal.show(.object(answer)) }
    Terminal.say("\(job.oneLine) is \(answer["status"]?.stringValue ?? "unknown")")
  }
}

/// `wf pause`: keeps runs from starting further steps.
struct PauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Keep a run from starting further steps; those under way end.",
    usage: "wf pause JOB [--json]\n       wf pause FILTER ... | --all [--dry-run] [--json]")

  @OptionGroup var target: SteeredRuns

  func validate() throws { try target.check() }

  func run() async throws { try await target.steer("pause") }
}

/// `wf resume`: lets paused runs continue.
struct ResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Let a paused run continue.",
    usage: "wf resume JOB [--json]\n       wf resume FILTER ... | --all [--dry-run] [--json]")

  @OptionGroup var target: SteeredRuns

  func validate() throws { try target.check() }

  func run() async throws { try await target.steer("resume") }
}
