import ArgumentParser
import ExactJSON

/// `wf stores`: shows what steps have stored, and removes stores.
struct StoresCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stores", abstract: "Show the values of a store, or remove it.",
    discussion: """
      wf stores summaries             a line each, newest first: job, step, item, value
      wf stores summaries --limit 5
      wf stores delete summaries      the results of runs keep their values

      A store that is called delete is shown by wf stores list delete.
      """,
    subcommands: [List.self, Delete.self], defaultSubcommand: List.self)

  /// `wf stores list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Show the values of a store, the newest first.")

    @Argument(help: "The namespace of the steps that store.")
    var namespace: String

    @Option(help: "How many at most, up to 1000.")
    var limit = 100

    @Option(help: "Where to begin: `next` of the JSON before.")
    var cursor: String?

    @Option(help: "The name of another key, or '' for none; needs the role admin.")
    var owner: String?

    @Flag(help: "Print the API's JSON: one page, which may have fewer values.")
    var json = false

    func validate() throws {
      guard (1...1_000).contains(limit) else { throw ValidationError("--limit is from 1 to 1000.") }
    }

    func run() async throws {
      let client = try APIClient(Settings.apiAccess())
      var (next, left, foreign) = (cursor, limit, 0)
      repeat {
        let page = try await client.store(namespace, of: owner, limit: left, from: next)
        if json { return Terminal.show(.object(page)) }
        let values = page["values"]?.arrayValue?.compactMap(\.objectValue) ?? []
        for value in values { Terminal.show(StoresCommand.line(value)) }
        let others = page["foreign"]?.numberValue?.int ?? 0
        foreign += others
        left -= values.count + others
        next = page["next"]?.stringValue
      } while next != nil && left > 0
      if foreign > 0 { Terminal.say("\(foreign) entries are not shown: wf has not written them") }
      if let next { Terminal.say("more: --cursor \(next.oneLine)") }
    }
  }

  /// `wf stores delete`.
  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "delete", abstract: "Remove a store; the results of runs keep their values.")

    @Argument(help: "The namespace of the steps that store.")
    var namespace: String

    @Option(help: "The name of another key, or '' for none; needs the role admin.")
    var owner: String?

    func run() async throws {
      try await APIClient(Settings.apiAccess()).deleteStore(namespace, of: owner)
      Terminal.say("removed \(namespace.oneLine)")
    }
  }

  /// The run, the step, the item if there is one, and the value.
  private static func line(_ value: JSONObject) -> String {
    let item = value["item"]?.numberValue.map { "/\($0.text)" } ?? ""
    let words = [
      value["job_id"]?.stringValue ?? "", (value["step"]?.stringValue ?? "") + item, value["data"]?.text ?? "",
    ]
    return words.map(\.oneLine).joined(separator: "  ")
  }
}
