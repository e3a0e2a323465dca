import ArgumentParser
import CVersion
import Curl
import Glibc
public import WorkflowOperations

/// The whole `wf` command. A package with further operations builds it in two lines:
///
/// ```swift
/// import WorkflowCommand
/// await CommandLineTool.main(operations: [Shout()])
/// ```
public enum CommandLineTool {
  /// The operations that come on top of the built-in ones.
  @TaskLocal static var additionalOperations: [any Operation] = []

  /// Runs the command that the process's arguments name, and ends the process with its exit code.
  public static func main(operations: [any Operation] = []) async {
    // A peer that has gone is an error of the write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    raiseDescriptorLimit()
    await $additionalOperations.withValue(operations) { await run() }
  }

  /// A thousand model calls, or as many waiting clients, are as many descriptors; the usual soft limit is 1,024.
  private static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  private static func run() async {
    do {
      var command = try WF.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let failure as CommandFailure {
      Terminal.sayFailure("\(failure)")
      exit(failure.code.rawValue)
    } catch let error as HTTPLibraryError {
      Terminal.sayFailure("\(error); install the package libcurl4")
      exit(CommandFailure.Code.failed.rawValue)
    } catch let invalid as Settings.Invalid {
      for problem in invalid.problems { Terminal.sayFailure(problem) }
      exit(CommandFailure.Code.configuration.rawValue)
    } catch {
      let code = WF.exitCode(for: error).rawValue
      let text = WF.fullMessage(for: error)
      // Help and version are results: they are written whole, or this is no success.
      if !text.isEmpty { code == 0 ? Terminal.show(text) : Terminal.say(text) }
      exit(code)
    }
  }
}

/// The root of the command's tree.
struct WF: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wf",
    abstract: "A workflow API for production hosts.",
    discussion: """
      wf dev                 start everything here, post the example, stay up
      wf run workflow.json   submit a workflow, wait for its result
      wf status ID           look at a run

      Exit codes: 0 done, 1 the run failed, 64 wrong usage, 65 body refused, 66 no such file or job, 69 API or Redis not \
      reachable, 74 output not writable, 75 limit reached, 77 not allowed, 78 wrong setting, 130 Ctrl-C, 143 SIGTERM.
      """,
    version: String(cString: wf_version()),
    subcommands: [
      APICommand.self, WorkerCommand.self, RunCommand.self, WatchCommand.self, StatusCommand.self, ListCommand.self,
      CancelCommand.self, RetryCommand.self, RerunCommand.self, PauseCommand.self, ResumeCommand.self,
      SchedulesCommand.self, CallbacksCommand.self, StoresCommand.self, UsageCommand.self, WorkersCommand.self,
      DrainCommand.self, TopCommand.self,
      ModelsCommand.self, KeysCommand.self, ExampleCommand.self, ConfigCommand.self, DoctorCommand.self,
      DevCommand.self,
      SuperviseCommand.self, ManualCommand.self,
    ])
}
