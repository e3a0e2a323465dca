import ArgumentParser
import Glibc

/// `wf top`: what is running now.
struct TopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Show what is running now: counts, workers, models, runs; live in the terminal.",
    discussion: """
      wf top
      wf top --once          one look, as text; so it is without a terminal

      Keys: arrows or j and k select a run, enter shows its steps and Esc leads back, c cancels it (after a y), p pauses or \
      resumes it, r retries it, q quits. Without colours where NO_COLOR is set.
      """)

  @Flag(help: "Print one look, and end.")
  var once = false

  @Option(help: "Seconds between two looks, from 0.5 to 3600.")
  var interval = 2.0

  func validate() throws {
    guard (0.5...3_600).contains(interval) else { throw ValidationError("--interval is from 0.5 to 3600.") }
  }

  func run() async throws {
    let access = try Settings.apiAccess()
    let reader = TopReader(client: try APIClient(access))
    var state = TopState(url: SecretMask.url(access.url))
    // Where there is no API, this says so at once; from here on it may go away.
    state.take(try await reader.look(after: nil))
    guard !once, FullScreen.isPossible else {
      for line in TopView(state: state, width: Terminal.lineWidth, height: nil).lines() {
        Terminal.show(line.trimmedText)
      }
      return
    }
    let loop = TopLoop(reader: reader, screen: try FullScreen(), interval: .milliseconds(Int(interval * 1_000)))
    if let signal = try await loop.run(state) { throw ExitCode(128 + signal) }
  }
}
