import ExactJSON
import Glibc
import ServiceLifecycle
import Subprocess
import SystemPackage
import UnixSignals

/// Redis, API, workers and nginx of one `wf dev`, and the command that runs against them.
struct DevStack: Sendable {
  let folder: DevFolder
  let port: UInt16
  let apis: Int
  let workers: Int
  /// A file that Redis reads before what wf dev tells it.
  let redisConfiguration: String?
  /// Settings of `.env`, which the parts get as their environment.
  let environment: [String: String]
  let command: [String]

  private var url: String { "http://127.0.0.1:\(port)" }

  /// What ended the stack, or is to end it.
  private enum Event: Sendable {
    case ready
    case commandEnded(Int32)
    case signal
    case failed(String)
    case partStopped
  }

  /// Runs everything; returns the exit code.
  func run() async throws -> Int32 {
    try NginxConfiguration(folder: folder, port: port, sockets: apiNames.map { folder.socket(of: $0) }).write()
    let parts = try parts()
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    return try await withThrowingTaskGroup(of: Event.self) { group in
      group.addTask {
        for await _ in signals { return .signal }
        return .signal
      }
      for part in parts { group.addTask { await supervise(part) } }
      group.addTask { await waitUntilReady() }
      defer { group.cancelAll() }
      return try await conclude(&group)
    }
  }

  private func conclude(_ group: inout ThrowingTaskGroup<Event, any Error>) async throws -> Int32 {
    while let event = try await group.next() {
      switch event {
      case .ready:
        Terminal.say("wf dev: ready at \(url), Redis at \(redisURL), logs in \(folder.path)/log")
        group.addTask { try await command.isEmpty ? showExample() : runCommand() }
      case .commandEnded(let code): return code
      case .signal: return command.isEmpty ? 0 : 130
      case .failed(let why): throw CommandFailure(why, code: .unavailable)
      case .partStopped: break
      }
    }
    return 0
  }

  // MARK: The parts

  private var redisURL: String { "redis+unix://\(folder.redisSocket)" }

  private var apiNames: [String] { (0..<apis).map { $0 == 0 ? "api" : "api-\($0 + 1)" } }

  private func parts() throws -> [DevPart] {
    let wf = "\(folder.path)/bin/wf"
    let redis = DevPart(
      name: "redis", executable: "redis-server",
      arguments: (redisConfiguration.map { [$0] } ?? []) + [
        "--port", "0", "--unixsocket", folder.redisSocket, "--dir", "\(folder.path)/redis", "--save", "",
        "--appendonly", "yes", "--maxmemory-policy", "noeviction",
      ])
    let apis = try apiNames.map { name in
      DevPart(
        name: name, executable: wf, arguments: ["api"], grace: .seconds(20),
        socket: try DevSocket.open(folder.socket(of: name)))
    }
    let nginx = DevPart(
      name: "nginx", executable: "nginx",
      arguments: ["-p", folder.path, "-e", folder.log(of: "nginx"), "-c", folder.nginxConfiguration],
      hasChildren: true)
    let workers = (0..<workers).map { number in
      DevPart(name: "worker-\(number + 1)", executable: wf, arguments: ["worker"], grace: .seconds(40))
    }
    return [redis] + apis + [nginx] + workers
  }

  private var partEnvironment: Environment {
    var changes: [Environment.Key: String?] = ["REDIS_URL": redisURL, "WF_URL": url]
    // nginx is in a folder that is not on every user's PATH.
    changes["PATH"] = "\(folder.path)/bin:\(path):/usr/sbin:/sbin"
    for (name, value) in environment where getenv(name) == nil && name != "REDIS_URL" && name != "WF_URL" {
      changes[Environment.Key(rawValue: name) ?? "PATH"] = value
    }
    return .inherit.updating(changes)
  }

  private var path: String { getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin" }

  /// Keeps a part running until the task is cancelled; one that cannot stay up ends the stack.
  private func supervise(_ part: DevPart) async -> Event {
    var quickDeaths = 0
    while true {
      let started = ContinuousClock.now
      let status: TerminationStatus
      do {
        status = try await part.run(in: folder, environment: partEnvironment)
      } catch {
        return Task.isCancelled ? .partStopped : .failed("\(part.name) cannot be started: \(error)")
      }
      if Task.isCancelled { return .partStopped }
      quickDeaths = .now - started < .seconds(1) && !status.isOrdered ? quickDeaths + 1 : 0
      guard quickDeaths < 3 else {
        return .failed("\(part.name) does not stay up (\(status)):\n\(folder.tail(of: part.name))")
      }
      Terminal.say("wf dev: \(part.name) ended (\(status)); starting it again")
      try? await Task.sleep(for: .milliseconds(300))
    }
  }

  private func waitUntilReady() async -> Event {
    guard let client = try? APIClient(url: url) else { return .failed("\(url) is no URL") }
    let deadline = ContinuousClock.now + .seconds(30)
    while !Task.isCancelled {
      if await client.isReady(workers: workers) { return .ready }
      if ContinuousClock.now > deadline {
        return .failed("the stack is not ready after 30 s:\n\(folder.tail(of: "api"))")
      }
      try? await Task.sleep(for: .milliseconds(20))
    }
    return .partStopped
  }

  // MARK: What runs against it

  private func runCommand() async throws -> Event {
    let result = try await Subprocess.run(
      .name("setpriv"), arguments: Arguments(["--pdeathsig", "KILL", "--"] + command),
      environment: partEnvironment, input: .currentStandardInput, output: .currentStandardOutput,
      error: .currentStandardError)
    switch result.terminationStatus {
    case .exited(let code): return .commandEnded(code)
    case .signaled(let signal): return .commandEnded(128 + signal)
    }
  }

  private func showExample() async throws -> Event {
    guard workers > 0 else {
      Terminal.say("wf dev: no worker runs (--workers 0): runs are accepted and wait. Ctrl-C stops everything.")
      return .partStopped
    }
    let client = try APIClient(url: url)
    let job = try await client.submit(ExampleCommand.body)
    Terminal.say("wf dev: posted the example, job \(job)")
    let status = try await RunFollower(client: client).follow(job, on: LineDisplay())
    Terminal.show(status["result"] ?? .null)
    Terminal.say(
      """

      Try it from a second terminal:

        curl -i -X POST \(url)/workflow/run -H 'Content-Type: application/json' -d '\(compactExample)'
        curl -s \(url)/status/\(job)
        curl -s \(url)/status/health

      Ctrl-C stops everything.
      """)
    return .partStopped
  }

  private var compactExample: String {
    // An apostrophe cannot stand inside the shell's single quotes.
    let text = (try? JSONValue(parsing: ExampleCommand.body).text) ?? ""
    return text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
  }
}

extension TerminationStatus {
  /// Whether someone wanted the end: then the part is not to blame for it.
  fileprivate var isOrdered: Bool { [.exited(0), .signaled(SIGKILL), .signaled(SIGTERM)].contains(self) }
}
