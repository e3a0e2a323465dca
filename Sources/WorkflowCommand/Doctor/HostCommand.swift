import Subprocess

/// Programs of this host that report something about it.
enum HostCommand {
  /// How a program ended, and what it printed.
  struct Outcome: Sendable {
    let isSuccess: Bool
    let output: String
    let error: String
  }

  /// Runs a program to its end; nil when it is not there.
  static func run(_ command: String, _ arguments: String...) async -> Outcome? {
    // nginx is in a folder that is not on every user's PATH.
    let path = (Settings.environment["PATH"].map { $0 + ":" } ?? "") + "/usr/sbin:/usr/bin:/sbin:/bin"
    let result = try? await Subprocess.run(
      .name("env"), arguments: Arguments(["PATH=\(path)", "LC_ALL=C", command] + arguments),
      output: .string(limit: 4 << 20), error: .string(limit: 1 << 20))
    // env(1): 127 when there is no such program, 126 when it cannot be run.
    guard let result, ![.exited(126), .exited(127)].contains(result.terminationStatus) else { return nil }
    return Outcome(
      isSuccess: result.terminationStatus.isSuccess, output: result.standardOutput, error: result.standardError)
  }
}
