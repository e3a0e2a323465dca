import Subprocess
import SystemHarness
import SystemPackage

/// Programs that are run to their end, and the files that they read.
enum Shell {
  /// Runs a script of `sh`, which ends at its first command that fails.
  static func run(_ script: String) async throws { try await run("sh", ["-euc", script]) }

  /// Runs a program.
  /// - Returns: what it wrote to its standard output.
  @discardableResult
  static func run(_ program: String, _ arguments: [String]) async throws -> String {
    let result = try await Subprocess.run(
      .name(program), arguments: Arguments(arguments), output: .string(limit: 1 << 20),
      error: .string(limit: 1 << 16))
    guard result.terminationStatus.isSuccess else {
      throw StackFailure("\(program) \(arguments.joined(separator: " ")): \(result.standardError)")
    }
    return result.standardOutput
  }

  /// Writes a file that is not there yet.
  static func write(
    _ text: String, to path: String, permissions: FilePermissions = [.ownerReadWrite]
  ) throws {
    let file = try FileDescriptor.open(
      FilePath(path), .writeOnly, options: [.create, .exclusiveCreate], permissions: permissions)
    _ = try file.closeAfter { try file.writeAll(text.utf8) }
  }
}
