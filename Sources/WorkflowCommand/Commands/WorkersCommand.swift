import ArgumentParser
import ExactJSON

/// `wf workers`: lists the live workers.
struct WorkersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "workers", abstract: "List the live workers.",
    discussion: """
      A line each: name, host, version, age, runs held of its places, whether it takes runs, operations.

      wf workers
      wf workers --json | jq .workers[].id
      """)

  @Flag(help: "Print the API's JSON.")
  var json = false

  func run() async throws {
    let answer = try await APIClient(Settings.apiAccess()).workers()
    if json { return Terminal.show(.object(answer)) }
    let workers = answer["workers"]?.arrayValue?.compactMap(\.objectValue) ?? []
    if workers.isEmpty { return Terminal.say("no worker is alive") }
    for line in WorkerTable.lines(workers, width: Terminal.lineWidth) { Terminal.show(line) }
  }
}

/// `wf drain`: lets workers take no more runs.
struct DrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Let workers take no more runs, and finish those that they have.",
    discussion: """
      A drained worker stays alive until it is restarted, and takes runs again after wf drain --undo.

      wf drain host-7-1f3c          the worker whose name is this or begins with it, as wf workers shows it
      wf drain --host db2 --wait    all workers of a host; waits until they have no runs
      wf drain --all --undo
      """)

  @Argument(help: "Names of workers, or their beginnings.")
  var workers: [String] = []

  @Flag(help: "All live workers.")
  var all = false

  @Option(help: "All live workers of this host.")
  var host: String?

  @Flag(help: "Let them take runs again.")
  var undo = false

  @Flag(help: "Wait until they have no runs.")
  var wait = false

  func validate() throws {
    let ways = (workers.isEmpty ? 0 : 1) + (all ? 1 : 0) + (host == nil ? 0 : 1)
    guard ways == 1 else { throw ValidationError("Name workers, or say --all or --host HOST.") }
    if wait && undo { throw ValidationError("--wait is for workers that are drained, not with --undo.") }
  }

  func run() async throws {
    let client = try APIClient(Settings.apiAccess())
    let ids = try await ids(client)
    for id in ids {
      let worker = try await client.drain(id, isUndone: undo)
      Terminal.say("\(id.oneLine): \(undo ? "takes runs again" : state(of: worker))")
    }
    if wait { try await wait(for: Set(ids), client) }
  }

  private func state(of worker: JSONObject) -> String {
    guard worker["state"] != "drained" else { return "drained" }
    let runs = worker["runs"]?.numberValue?.int ?? 0
    return "takes no more runs, and finishes \(runs == 1 ? "the one" : "the \(runs)") that it has"
  }

  /// The workers that are meant.
  private func ids(_ client: APIClient) async throws -> [String] {
    let found = try await live(client)
    let names = found.compactMap { $0["id"]?.stringValue }
    if all || host != nil {
      let meant = found.filter { all || $0["host"]?.stringValue == host }.compactMap { $0["id"]?.stringValue }
      let place = host.map { " on \($0.oneLine)" } ?? ""
      guard !meant.isEmpty else { throw CommandFailure("no worker is alive\(place)", code: .noInput) }
      return meant
    }
    return try workers.map { name in
      let meant = names.contains(name) ? [name] : names.filter { !name.isEmpty && $0.hasPrefix(name) }
      guard meant.count < 2 else {
        throw ValidationError(
          "\(name.oneLine) is the beginning of \(meant.count) names: \(meant.prefix(5).joined(separator: ", "))")
      }
      // The API says that there is none.
      return meant.first ?? name
    }
  }

  private func live(_ client: APIClient) async throws -> [JSONObject] {
    try await client.workers()["workers"]?.arrayValue?.compactMap(\.objectValue) ?? []
  }

  /// A worker that has ended has no runs either.
  private func wait(for ids: Set<String>, _ client: APIClient) async throws {
    while true {
      let left = try await live(client).filter { worker in
        worker["id"]?.stringValue.map(ids.contains) == true && worker["state"] != "drained"
      }
      if left.isEmpty { return Terminal.say("drained") }
      if left.contains(where: { $0["state"] == "working" }) {
        throw CommandFailure("the drain was undone meanwhile", code: .failed)
      }
      try await Task.sleep(for: .seconds(1))
    }
  }
}
