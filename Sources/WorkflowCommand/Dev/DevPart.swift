import Glibc
import Subprocess
import SystemPackage

/// One process of the stack.
struct DevPart: Sendable {
  /// When a part is stopped; each stage waits for the one before it.
  enum Stage: CaseIterable {
    /// nginx: no request comes in any more.
    case front
    /// API and workers: what is under way is finished or handed back.
    case services
    /// Redis, which those need until their end.
    case redis
  }

  let name: String
  let stage: Stage
  let executable: String
  let arguments: [String]
  /// How long it may take to stop before it is killed.
  var grace = Duration.seconds(10)

  /// A listening socket that it gets as its standard input, as from systemd: it outlives the process.
  var socket: FileDescriptor?

  /// Whether it has child processes, which the kernel would let outlive it (nginx's workers).
  var hasChildren = false

  /// Runs the process to its end. A task that is cancelled stops it with SIGTERM and, after its grace, SIGKILL.
  ///
  /// It dies with this process, whatever ends that: `setpriv` asks the kernel for it, and a guard ends its children,
  /// also when the part alone has died. It leads a separate process group, so that a Ctrl-C reaches it only through
  /// `wf dev`.
  /// - Parameter started: receives the process group.
  func run(
    in folder: DevFolder, environment: Environment, started: @escaping @Sendable (pid_t) -> Void
  ) async throws -> TerminationStatus {
    guard hasChildren else { return try await run(in: folder, environment) { started($0) } }
    let guardScript = #"read -r group; read -r _; kill -9 "-$group" 2> /dev/null"#
    let result = try await Subprocess.run(
      .name("sh"), arguments: ["-c", guardScript], platformOptions: options, input: .inputWriter,
      output: .discarded, error: .discarded
    ) { guardian in
      let status = try await run(in: folder, environment) { group in
        started(group)
        _ = try await guardian.standardInputWriter.write("\(group)\n")
      }
      _ = try await guardian.standardInputWriter.write("ended\n")
      try await guardian.standardInputWriter.finish()
      return status
    }
    return result.closureResult
  }

  private var options: PlatformOptions {
    var options = PlatformOptions()
    options.processGroupID = 0
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: grace)]
    return options
  }

  private func run(
    in folder: DevFolder, _ environment: Environment, started: (Int32) async throws -> Void
  ) async throws -> TerminationStatus {
    let log = try FileDescriptor.open(
      FilePath(folder.log(of: name)), .writeOnly, options: [.create, .append], permissions: [.ownerReadWrite])
    defer { try? log.close() }
    let nothing = try FileDescriptor.open("/dev/null", .readOnly)
    defer { try? nothing.close() }
    let result = try await Subprocess.run(
      .name("setpriv"), arguments: Arguments(["--pdeathsig", "KILL", "--", executable] + arguments),
      environment: environment, platformOptions: options,
      input: .fileDescriptor(socket ?? nothing, closeAfterSpawningProcess: false),
      output: .fileDescriptor(log, closeAfterSpawningProcess: false),
      error: .fileDescriptor(log, closeAfterSpawningProcess: false)
    ) { execution in
      let id = execution.processIdentifier.value
      try Files.write("\(id)\n", to: folder.processID(of: name))
      try await started(id)
    }
    return result.terminationStatus
  }
}
