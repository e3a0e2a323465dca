import Glibc
import SystemPackage

/// A file of settings that was read.
struct SettingsFile: Sendable {
  /// The file that the services of a host have their settings from (`EnvironmentFile=` of the units).
  static let hostPath = "/etc/wf/wf.env"

  /// The file is there, but this process may not read it.
  struct Unreadable: Error {}

  let path: String
  /// Its lines, by name; those of other programs too.
  let values: [String: String]

  /// `.env` in the working directory; nil where there is none. A folder of that name is none: some programs make one.
  static func dotEnv() throws -> SettingsFile? {
    var status = stat()
    guard stat(".env", &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return nil }
    return try read(".env", allowsExport: true)
  }

  /// The settings of this host's services; nil where wf is not installed.
  /// - Throws: `Unreadable` where this process may not read them.
  static func ofHost() throws -> SettingsFile? {
    guard access(hostPath, R_OK) != 0 else { return try read(hostPath, allowsExport: false) }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw Unreadable()
  }

  private static func read(_ path: String, allowsExport: Bool) throws -> SettingsFile {
    let text = String(decoding: try Files.read(path), as: UTF8.self)
    do {
      return SettingsFile(path: path, values: try DotEnvFile.parse(text, allowsExport: allowsExport))
    } catch {
      throw Settings.Invalid(problems: ["\(path), line \(error.line): \(error.problem)"])
    }
  }
}
