import Glibc

/// The settings that the services of this host have from systemd, for whoever is not started by it.
struct HostSettings {
  /// The `EnvironmentFile=` of the units.
  static let file = SettingsFile.hostPath
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
    var file: SettingsFile?
    do {
      file = try SettingsFile.ofHost() ?? SettingsFile.dotEnv()
    } catch is SettingsFile.Unreadable {
      finding = .doubtful(
        "\(HostSettings.file) cannot be read: the defaults are examined", remedy: "sudo wf doctor")
    } catch let invalid as Settings.Invalid {
      finding = .broken("\(invalid)", remedy: "correct it")
    }
    settings = try Settings.load(files: [file].compactMap(\.self), credentialsFolder: folder)
  }
}
