import Glibc
import Subprocess
import SystemHarness
import SystemPackage

/// A Debian host with systemd as PID 1: a container that is booted for the tests, with no network but its own loopback.
/// What happens in it is gone with it.
struct Host: Sendable {
  /// The container's PID 1, as this machine numbers it.
  let initProcess: pid_t

  /// How a command ended.
  struct Outcome: Sendable {
    let code: Int32
    let output: String
    let error: String
  }

  /// Runs a command on the host, as root.
  func run(_ command: [String]) async throws -> Outcome {
    let surroundings = [
      "-t", "\(initProcess)", "-a", "env", "-i", "-C", "/mnt", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
      "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
    ]
    let result = try await Subprocess.run(
      .name("nsenter"), arguments: Arguments(surroundings + command), output: .string(limit: 64 << 20),
      error: .string(limit: 16 << 20))
    guard case .exited(let code) = result.terminationStatus else {
      throw StackFailure("\(command) ended by \(result.terminationStatus)")
    }
    return Outcome(code: code, output: result.standardOutput, error: result.standardError)
  }

  /// Runs a shell script on the host, which ends at its first failure and must not fail.
  /// - Returns: what it prints, without the last line's end.
  @discardableResult
  func sh(_ script: String) async throws -> String {
    let outcome = try await run(["sh", "-euc", script])
    guard outcome.code == 0 else {
      throw StackFailure("exit code \(outcome.code) of:\n\(script)\n\(outcome.output)\n\(outcome.error)")
    }
    return outcome.output.hasSuffix("\n") ? String(outcome.output.dropLast()) : outcome.output
  }

  /// A property of a unit, as `systemctl show` prints it.
  func property(_ name: String, of unit: String) async throws -> String {
    try await sh("systemctl show --value -p \(name) '\(unit)'")
  }

  /// Whether a script ends well, for a condition to wait for.
  func isTrue(_ script: String) async throws -> Bool? {
    try await run(["sh", "-euc", script]).code == 0 ? true : nil
  }

  /// Writes a file of the host.
  func write(_ text: String, to path: String) throws {
    let file = try FileDescriptor.open(
      FilePath("/proc/\(initProcess)/root\(path)"), .writeOnly, options: [.create, .truncate],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    _ = try file.closeAfter { try file.writeAll(text.utf8) }
  }
}
