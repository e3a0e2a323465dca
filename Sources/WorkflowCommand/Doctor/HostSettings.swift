import Glibc

/// The settings that the services of this host have from systemd, for whoever is not started by it.
struct HostSettings {
  /// The `EnvironmentFile=` of the units.
  static let file = "/etc/wf/wf.env"
  /// Where systemd puts what `LoadCredential=` names, as long as the worker runs; only root may look.
  private static let credentials = "/run/credentials/wf-worker.service"

  /// The settings: this process's environment wins over the host's file, or over `.env` where there is none.
  let settings: Settings
  /// What stands in the way of reading them.
  var finding: Finding?

  /// Reads them.
  init() throws {
    let folder =
      Settings.environment["CREDENTIALS_DIRECTORY"]
      ?? (access(HostSettings.credentials, R_OK | X_OK) == 0 ? HostSettings.credentials : nil)
    var values: [String: String] = [:]
    if access(HostSettings.file, F_OK) != 0 && errno == ENOENT {
      values = try Settings.dotEnv()
    } else if access(HostSettings.file, R_OK) != 0 {
      finding = .doubtful(
        "\(HostSettings.file) cannot be read: the defaults are examined", remedy: "sudo wf doctor")
    } else {
      do {
        values = try DotEnvFile.parse(String(decoding: Files.read(HostSettings.file), as: UTF8.self))
      } catch let malformed as DotEnvFile.Malformed {
        finding = .broken(
          "\(HostSettings.file), line \(malformed.line): NAME=value is expected", remedy: "correct it")
      }
    }
    settings = try Settings.load(file: values, credentialsFolder: folder)
  }
}
