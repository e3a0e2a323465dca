import ArgumentParser
import Glibc
import Hiredis
import SystemPackage
import WorkflowWorker

/// `wf dev`: the whole stack in the foreground.
struct DevCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev", abstract: "Run the whole stack in the foreground: Redis, nginx, API and worker.",
    usage: "wf dev [<options>] [-- <command> ...]",
    discussion: """
      wf dev                       start, post the example, stay up until Ctrl-C
      wf dev --port 8080 --data .wf-data
      wf dev -- sh -c 'wf example | curl -si --json @- $WF_URL/workflow/run'

      A command runs once the stack is ready, with WF_URL and REDIS_URL set and wf on its PATH. When it ends, its child \
      processes and the stack end too, with the command's exit code. A part that dies is started again. Redis is private, \
      on a unix socket; its data are kept only with --data, where logs and process ids are found too.

      Ctrl-C stops nginx, the API and the workers, then Redis; a second Ctrl-C ends everything at once.
      """)

  @Option(help: "The port on 127.0.0.1. Default: 8000, or a free one when there is a command.")
  var port: UInt16?

  @Option(
    help: "A folder to keep Redis's data, logs and process ids in. Default: a temporary one.", completion: .directory)
  var data: String?

  @Option(help: "How many workers to run.")
  var workers = 1

  @Option(help: "How many API processes to run.")
  var apis = 1

  @Option(
    help: ArgumentHelp(
      """
      A redis.conf that Redis reads, such as one with appendfsync always; what wf dev sets itself stays (save, \
      appendonly, maxmemory-policy).
      """, valueName: "file"), completion: .file())
  var redisConfig: String?

  @Option(
    help: ArgumentHelp(
      "A Redis to use in place of a private one, such as redis+sentinel://host,host,host/main.", valueName: "url"))
  var redisUrl: String?

  @Argument(parsing: .postTerminator, help: "A command to run against the stack.")
  var command: [String] = []

  func validate() throws {
    guard (0...64).contains(workers) else { throw ValidationError("--workers is from 0 to 64.") }
    guard (1...16).contains(apis) else { throw ValidationError("--apis is from 1 to 16.") }
    guard !command.isEmpty || CommandLine.arguments.last != "--" else {
      throw ValidationError("After -- the command is missing.")
    }
    guard redisUrl == nil || redisConfig == nil else {
      throw ValidationError("--redis-config is for a private Redis, and --redis-url names another: give one of them.")
    }
    if let redisUrl {
      do { _ = try RedisAddress(redisUrl) } catch { throw ValidationError("--redis-url: \(error)") }
    }
    guard port != 0 else { throw ValidationError("--port is from 1 to 65535.") }
  }

  func run() async throws {
    let folder = try DevFolder(path: data)
    defer { folder.removeIfTemporary() }
    // A broken setting should be reported here, once, and not by each part in its own log.
    let settings = try Settings.forDev(without: DevStack.ownSettings)
    if workers > 0 { try settings.models.requireKeys() }
    let port = try LocalPort(port ?? (command.isEmpty ? 8000 : nil))
    let stack = DevStack(
      folder: folder, port: port.number, apis: apis, workers: workers, redisConfiguration: try redisConfiguration(),
      otherRedis: redisUrl,
      environment: SettingsFile.dotEnv()?.values ?? [:], command: command, apiKey: settings.apiKey,
      workerGrace: settings.worker.drain + .seconds(15))
    let code = try await stack.run()
    _ = consume port
    if code != 0 {
      folder.removeIfTemporary()
      throw ExitCode(code)
    }
  }

  private func redisConfiguration() throws -> String? {
    guard let redisConfig else { return nil }
    guard let absolute = realpath(redisConfig, nil) else {
      throw CommandFailure("--redis-config \(redisConfig): \(Errno(rawValue: errno))", code: .noInput)
    }
    defer { free(absolute) }
    return String(cString: absolute)
  }
}
