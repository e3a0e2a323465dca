import ArgumentParser
import ExactJSON

/// `wf callbacks`: lists and shows callbacks, and has them sent again.
struct CallbacksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "callbacks", abstract: "List callbacks that are not delivered, or have them sent again.",
    discussion: """
      wf callbacks                 a line each: when it is due, its id, how often it was sent, where it goes, what failed
      wf callbacks --dead          those that were given up, newest first
      wf callbacks show ID
      wf callbacks retry ID        also one that was delivered
      wf callbacks retry --dead

      The id of a callback is that of its run.
      """,
    subcommands: [List.self, Show.self, Retry.self], defaultSubcommand: List.self)

  /// `wf callbacks list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List callbacks that wait, or that were given up.")

    @Flag(help: "Those that were given up, newest first.")
    var dead = false

    @Option(help: "How many at most, up to 500.")
    var limit = 100

    @Option(help: "Where to begin: `next` of the JSON before.")
    var after: String?

    @Flag(help: "Print the API's JSON.")
    var json = false

    func validate() throws {
      guard (1...500).contains(limit) else { throw ValidationError("--limit is from 1 to 500.") }
    }

    func run() async throws {
      let answer = try await APIClient(Settings.apiAccess()).callbacks(dead: dead, limit: limit, after: after)
      if json { return Terminal.show(.object(answer)) }
      let callbacks = answer["callbacks"]?.arrayValue?.compactMap(\.objectValue) ?? []
      for callback in callbacks { Terminal.show(CallbacksCommand.line(callback)) }
      if callbacks.isEmpty { Terminal.say(dead ? "no callback was given up" : "no callback waits") }
      if let next = answer["next"]?.stringValue { Terminal.say("more: --after \(next.oneLine)") }
    }
  }

  /// `wf callbacks show`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Print a callback as JSON, delivered or not.")

    @Argument(help: "The callback's id.")
    var id: String

    func run() async throws {
      Terminal.show(.object(try await APIClient(Settings.apiAccess()).callback(id)))
    }
  }

  /// `wf callbacks retry`.
  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "retry", abstract: "Have a callback sent again, or all that were given up.")

    @Argument(help: "The callback's id.")
    var id: String?

    @Flag(help: "All that were given up.")
    var dead = false

    func validate() throws {
      guard (id == nil) == dead else { throw ValidationError("Say the id of a callback, or --dead.") }
    }

    func run() async throws {
      let client = try APIClient(Settings.apiAccess())
      if let id {
        _ = try await client.retryCallback(id)
        return Terminal.say("\(id.oneLine) is sent again")
      }
      var sent = 0
      while true {
        let (count, left) = try await client.retryDeadCallbacks()
        sent += count
        if left == 0 || count == 0 { break }
      }
      Terminal.say(sent == 1 ? "1 callback is sent again" : "\(sent) callbacks are sent again")
    }
  }

  /// When it is due or was given up, its id, how often it was sent, where it goes, and why the last attempt has failed.
  private static func line(_ callback: JSONObject) -> String {
    let time = (callback["dead_ts"]?.numberValue ?? callback["next_ts"]?.numberValue).flatMap { Double($0.text) }
    let attempts = callback["attempts"]?.numberValue?.int ?? 0
    let words = [
      time.map { DateText.utc(Int($0)) } ?? "", callback["id"]?.stringValue ?? "",
      "\(attempts) \(attempts == 1 ? "attempt" : "attempts")", callback["url"]?.stringValue ?? "",
      callback["last_error"]?.stringValue ?? "",
    ]
    return words.filter { !$0.isEmpty }.map(\.oneLine).joined(separator: "  ")
  }
}
