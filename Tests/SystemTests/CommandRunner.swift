import Glibc
import Subprocess
import SystemHarness
import SystemPackage

extension Environment {
  /// The environment of a process that uses the Redis of a stack: that of the tests, and settings on top of it.
  static func ofTests(_ settings: [String: String]) -> Environment {
    let all = settings.merging(Stack.partitionSetting()) { own, _ in own }
    let changes = all.compactMap { name, value in Environment.Key(rawValue: name).map { ($0, Optional(value)) } }
    return .inherit.updating(Dictionary(uniqueKeysWithValues: changes))
  }
}

/// How a `wf` command ended, and what it printed.
struct CommandOutcome: Sendable {
  let code: Int32
  let output: String
  let error: String
}

/// Runs a `wf` command to its end.
/// - Parameters:
///   - settings: environment variables on top of those of the tests.
///   - folder: its working directory.
///   - program: the program, if it is another than `wf`.
func wf(
  _ arguments: [String], settings: [String: String] = [:], in folder: String? = nil,
  program: String = Stack.executable
) async throws -> CommandOutcome {
  let result = try await Subprocess.run(
    .path(FilePath(program)), arguments: Arguments(arguments), environment: .ofTests(settings),
    workingDirectory: folder.map { FilePath($0) }, output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
  guard case .exited(let code) = result.terminationStatus else {
    throw StackFailure("wf ended by \(result.terminationStatus)")
  }
  return CommandOutcome(code: code, output: result.standardOutput, error: result.standardError)
}

/// Runs a `wf` command to its end.
func wf(
  _ arguments: String..., settings: [String: String] = [:], in folder: String? = nil
) async throws -> CommandOutcome {
  try await wf(arguments, settings: settings, in: folder)
}

/// Runs a body with a folder of its own, which is removed afterwards.
func withFolder(_ body: (String) async throws -> Void) async throws {
  var template = Array("/tmp/wf-command-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
  let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  defer { system("rm -rf \(folder)") }
  try await body(folder)
}
