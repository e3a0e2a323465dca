import ArgumentParser
import ExactJSON

/// `wf schedules`: lists, shows, makes and removes schedules.
struct SchedulesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedules", abstract: "List schedules, or show, make and remove one.",
    discussion: """
      wf schedules                          a line each: name, times, zone, next time, last run
      wf schedules put nightly nightly.json
      wf schedules show nightly
      wf schedules delete nightly

      A file for put has a cron expression and a time zone, or an interval, and the body of a run:
      {"cron": "0 9 * * mon-fri", "time_zone": "Europe/Berlin", "run": {"run_name": …, "steps": […]}}
      """,
    subcommands: [List.self, Put.self, Show.self, Delete.self], defaultSubcommand: List.self)

  /// `wf schedules list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List schedules.")

    @Flag(help: "Print the API's JSON.")
    var json = false

    func run() async throws {
      let answer = try await APIClient(Settings.apiAccess()).schedules()
      if json { return Terminal.show(.object(answer)) }
      let schedules = answer["schedules"]?.arrayValue?.compactMap(\.objectValue) ?? []
      if schedules.isEmpty { return Terminal.say("there are no schedules") }
      for line in ScheduleTable.lines(schedules, width: Terminal.lineWidth) { Terminal.show(line) }
    }
  }

  /// `wf schedules put`.
  struct Put: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "put", abstract: "Make a schedule, or replace the one of this name; print it.")

    @Argument(help: "The schedule's name: letters, digits, _ and -.")
    var name: String
    @Argument(help: "A file with the schedule as JSON, or - for standard input.", completion: .file())
    var file: String
    @Option(help: "The name of the key whose schedule it is, '' for none; only for the role admin.")
    var owner: String?

    func run() async throws {
      let body = try Files.read(file, limit: 64 << 20)
      Terminal.show(.object(try await APIClient(Settings.apiAccess()).putSchedule(name, of: owner, body)))
    }
  }

  /// `wf schedules show`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Print a schedule with its next times and its run.")

    @Argument(help: "The schedule's name.")
    var name: String
    @Option(help: "The name of the key whose schedule it is, '' for none; only for the role admin.")
    var owner: String?

    func run() async throws {
      Terminal.show(.object(try await APIClient(Settings.apiAccess()).schedule(name, of: owner)))
    }
  }

  /// `wf schedules delete`.
  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delete", abstract: "Remove a schedule; the runs that it has started remain.")

    @Argument(help: "The schedule's name.")
    var name: String
    @Option(help: "The name of the key whose schedule it is, '' for none; only for the role admin.")
    var owner: String?

    func run() async throws {
      try await APIClient(Settings.apiAccess()).deleteSchedule(name, of: owner)
      Terminal.say("removed \(name.oneLine)")
    }
  }
}
