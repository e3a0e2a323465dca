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
  var values: [String: String]
  /// What is wrong with its lines, or with the file: each with the setting that it is about.
  var faults: [(name: String, sentence: String)] = []
  /// Whether other programs have their settings in it too, under names of any kind.
  var isShared = false

  /// `.env` in the working directory; nil where there is none. A folder of that name is none: some programs make one.
  static func dotEnv() -> SettingsFile? {
    var status = stat()
    guard stat(".env", &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return nil }
    return read(".env", isShared: true)
  }

  /// The settings of this host's services; nil where wf is not installed.
  /// - Throws: `Unreadable` where this process may not read them.
  static func ofHost() throws(Unreadable) -> SettingsFile? {
    guard access(hostPath, R_OK) != 0 else { return read(hostPath, isShared: false) }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw Unreadable()
  }

  private static func read(_ path: String, isShared: Bool) -> SettingsFile {
    do {
      let text = String(decoding: try Files.read(path), as: UTF8.self)
      let (values, faults) = DotEnvFile.parse(text, allowsExport: isShared)
      return SettingsFile(
        path: path, values: values,
        faults: faults.map { ($0.name, "\(path), line \($0.line): \($0.problem)") }, isShared: isShared)
    } catch {
      return SettingsFile(path: path, values: [:], faults: [(path, "\(error)")], isShared: isShared)
    }
  }
}
