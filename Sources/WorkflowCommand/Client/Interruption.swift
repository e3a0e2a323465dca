import Glibc
import Synchronization
import UnixSignals

/// What a command that waits for a run says when a signal ends it: the run does not end with the command.
final class Interruption: Sendable {
  private let job = Mutex<String?>(nil)

  /// Takes SIGINT and SIGTERM from now on: each ends the process, with exit code 130 or 143.
  init() async {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    Task {
      for await signal in signals {
        // A terminal shows ^C where the cursor is.
        if isatty(2) == 1 { Terminal.say("") }
        Terminal.say("wf: \(sentence)")
        exit(128 + (signal == .sigint ? SIGINT : SIGTERM))
      }
    }
  }

  /// The run was accepted.
  func accepted(_ id: String) { job.withLock { $0 = id } }

  private var sentence: String {
    guard let job = job.withLock({ $0 }) else {
      return "interrupted before the API answered; the run may have been accepted"
    }
    return "the run continues; follow it with: wf watch \(job.oneLine)"
  }
}
