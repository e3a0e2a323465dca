import ExactJSON
import Glibc
import Subprocess
import Synchronization
import SystemPackage
import UnixSignals

/// Redis, API, workers and nginx of one `wf dev`, and the command that runs against them.
struct DevStack: Sendable {
  let folder: DevFolder
  let port: UInt16
  let apis: Int
  let workers: Int
  /// A file that Redis reads before the settings of wf dev.
  let redisConfiguration: String?
  /// The URL of a Redis that is used in place of a private one.
  let otherRedis: String?
  /// Settings of `.env`, which the parts get as their environment.
  let environment: [String: String]
  let command: [String]
  /// The key for this process's requests.
  let apiKey: String?
  /// Seconds that a worker may take to stop, after which it is killed.
  let workerGrace: Duration
  private let supervisor = SupervisorProcess()

  private var url: String { "http://127.0.0.1:\(port)" }

  /// What ends the stack, or changes what it does.
  private enum Event: Sendable {
    case ready
    case commandEnded(Int32)
    case failed(any Error)
    case signal(UnixSignal)
    case stopped
  }

  /// Runs everything; returns the exit code.
  func run() async throws -> Int32 {
    try checkPrograms()
    try NginxConfiguration(folder: folder, port: port, sockets: apiNames.map { folder.socket(of: $0) }).write()
    let (events, continuation) = AsyncStream<Event>.makeStream()
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    let listening = Task { for await signal in signals { continuation.yield(.signal(signal)) } }
    defer { listening.cancel() }
    let parts = DevParts(folder: folder, environment: partEnvironment) { reason in
      continuation.yield(.failed(CommandFailure(reason, code: .unavailable)))
    }
    for part in try self.parts() { parts.start(part) }
    let work = Task { await perform(continuation) }
    return try await conclude(events, parts) {
      Task {
        work.cancel()
        await work.value
        await parts.stop()
        continuation.yield(.stopped)
      }
    }
  }

  /// Waits until the parts are ready, and runs the command or the example.
  private func perform(_ events: AsyncStream<Event>.Continuation) async {
    do {
      try await waitUntilReady()
      events.yield(.ready)
      if command.isEmpty { try await showExample() } else { events.yield(.commandEnded(try await runCommand())) }
    } catch {
      if !Task.isCancelled { events.yield(.failed(error)) }
    }
  }

  /// Waits for what ends the stack, and until the stack has stopped.
  private func conclude(_ events: AsyncStream<Event>, _ parts: DevParts, stop: () -> Void) async throws -> Int32 {
    var outcome: Result<Int32, any Error>?
    var requests = StopRequests()
    func end(_ result: Result<Int32, any Error>) {
      if outcome == nil { stop() }
      outcome = outcome ?? result
    }
    for await event in events {
      switch event {
      case .ready:
        Terminal.say("wf dev: ready at \(url), Redis at \(SecretMask.url(redisURL)), logs in \(folder.path)/log")
      case .commandEnded(let code): end(.success(code))
      case .failed(let error): end(.failure(error))
      case .signal where !requests.take(): break
      case .signal(let signal) where outcome == nil:
        Terminal.say("\nwf dev: stopping nginx, the API and the workers, then Redis; Ctrl-C again ends all at once")
        // Without a command, Ctrl-C is how wf dev is meant to end.
        end(.success(signal == .sigint && command.isEmpty ? 0 : 128 + signal.rawValue))
      case .signal(let signal):
        Terminal.say("\nwf dev: ending all at once")
        outcome = .success(128 + signal.rawValue)
        supervisor.stopAtOnce()
        parts.kill()
      case .stopped: return try outcome?.get() ?? 0
      }
    }
    return 0
  }

  // MARK: The parts

  /// Checks that the programs are installed, before a part fails with words that do not say so.
  private func checkPrograms() throws {
    var programs = ["nginx": "nginx is not installed: apt-get install nginx-light"]
    if otherRedis == nil {
      programs["redis-server"] =
        "redis-server is not installed: apt-get install redis-server, or name a Redis with --redis-url"
    }
    let folders = searchPath.split(separator: ":")
    for (name, advice) in programs.sorted(by: { $0.key > $1.key }) {
      guard !folders.contains(where: { access("\($0)/\(name)", X_OK) == 0 }) else { continue }
      throw CommandFailure("\(advice). Looked in \(searchPath)", code: .unavailable)
    }
  }

  private var redisURL: String { otherRedis ?? "redis+unix://\(folder.redisSocket)" }

  private var apiNames: [String] { (0..<apis).map { $0 == 0 ? "api" : "api-\($0 + 1)" } }

  private func parts() throws -> [DevPart] {
    let wf = "\(folder.path)/bin/wf"
    let redis = DevPart(
      name: "redis", stage: .redis, executable: "redis-server",
      arguments: (redisConfiguration.map { [$0] } ?? []) + [
        "--port", "0", "--unixsocket", folder.redisSocket, "--dir", "\(folder.path)/redis", "--save", "",
        "--appendonly", "yes", "--maxmemory-policy", "noeviction",
      ])
    let apis = try apiNames.map { name in
      DevPart(
        name: name, stage: .services, executable: wf, arguments: ["api"], grace: .seconds(20),
        socket: try DevSocket.open(folder.socket(of: name)))
    }
    let nginx = DevPart(
      name: "nginx", stage: .front, executable: "nginx",
      arguments: ["-p", folder.path, "-e", folder.log(of: "nginx"), "-c", folder.nginxConfiguration],
      hasChildren: true)
    let workers = (0..<workers).map { number in
      DevPart(name: "worker-\(number + 1)", stage: .services, executable: wf, arguments: ["worker"], grace: workerGrace)
    }
    return (otherRedis == nil ? [redis] : []) + apis + [nginx] + workers
  }

  /// The variables that `wf dev` sets itself, or takes away: its Redis has no password and no TLS.
  static let ownSettings = [
    "REDIS_URL", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE", "REDIS_TLS_CA_FILE", "REDIS_TLS_CERT_FILE",
    "REDIS_TLS_KEY_FILE", "WF_URL",
  ]

  private var partEnvironment: Environment {
    var changes: [Environment.Key: String?] = [:]
    for name in DevStack.ownSettings { if let key = Environment.Key(rawValue: name) { changes[key] = .some(nil) } }
    changes["REDIS_URL"] = redisURL
    changes["WF_URL"] = url
    changes["PATH"] = "\(folder.path)/bin:\(searchPath)"
    for (name, value) in environment where getenv(name) == nil && !DevStack.ownSettings.contains(name) {
      if let key = Environment.Key(rawValue: name) { changes[key] = value }
    }
    return .inherit.updating(changes)
  }

  /// Where programs are looked for: nginx is in a folder that is not on every user's PATH.
  private var searchPath: String { "\(path):/usr/sbin:/sbin" }

  private var path: String { getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin" }

  private func waitUntilReady() async throws {
    let client = try APIClient(.init(url: url, key: apiKey))
    let deadline = ContinuousClock.now + .seconds(30)
    while await !client.isReady(workers: workers) {
      guard ContinuousClock.now < deadline else {
        throw CommandFailure("the stack is not ready after 30 s:\n\(folder.tail(of: "api"))", code: .unavailable)
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  // MARK: What runs against it

  private func runCommand() async throws -> Int32 {
    var options = PlatformOptions()
    // Longer than the supervisor gives the command.
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(10))]
    let wf = "\(folder.path)/bin/wf"
    let result = try await Subprocess.run(
      .name("setpriv"), arguments: Arguments(["--pdeathsig", "TERM", "--", wf, "supervise", "--"] + command),
      environment: partEnvironment, platformOptions: options, input: .currentStandardInput,
      output: .currentStandardOutput, error: .currentStandardError
    ) { execution in supervisor.started(execution.processIdentifier.value) }
    supervisor.ended()
    return result.terminationStatus.shellCode
  }

  private func showExample() async throws {
    guard workers > 0 else {
      Terminal.say("wf dev: no worker runs (--workers 0): runs are accepted and wait. Ctrl-C stops everything.")
      return
    }
    let client = try APIClient(.init(url: url, key: apiKey))
    if try await client.health().needsKey {
      Terminal.say("wf dev: the API wants a key (WF_API_KEYS_FILE); set WF_API_KEY to one. Ctrl-C stops everything.")
      return
    }
    let job = try await Submission(client: client).submit(ExampleCommand.body)
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
  }

  private var compactExample: String {
    // An apostrophe cannot be inside the shell's single quotes.
    let text = (try? JSONValue(parsing: ExampleCommand.body).text) ?? ""
    return text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
  }
}

/// The process that runs the command, for a signal that ends it at once.
final class SupervisorProcess: Sendable {
  private let id = Mutex<pid_t?>(nil)

  func started(_ process: pid_t) { id.withLock { $0 = process } }
  func ended() { id.withLock { $0 = nil } }

  /// Kills the command and its children.
  func stopAtOnce() { id.withLock { if let process = $0 { kill(process, SIGUSR1) } } }
}
