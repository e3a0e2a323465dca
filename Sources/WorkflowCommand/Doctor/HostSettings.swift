/// The settings that the services of this host have from systemd, for a process that it has not started.
struct HostSettings {
  /// The settings: this process's environment wins over the host's file, or over `.env` where there is none.
  /// Those that are malformed have their defaults. Nil where nothing says where Redis is.
  private(set) var settings: Settings?
  /// What prevents reading them.
  private(set) var results: [CheckResult] = []
  /// Whether all settings are right, so that the model can be examined.
  var isComplete: Bool { results.isEmpty }

  /// Reads them.
  /// - Parameter isInstalled: whether this host has services that read them.
  init(isInstalled: Bool) async {
    let credentials = await HostCredentials.ofHost()
    results = credentials.results
    var file: SettingsFile?
    do {
      file = try SettingsFile.ofHost() ?? SettingsFile.dotEnv()
    } catch {
      results.append(
        .warning(
          "\(SettingsFile.hostPath) cannot be read: the defaults are examined", remedy: "sudo wf doctor"))
    }
    let problems: [String]
    (settings, problems) = Settings.read(
      Settings.reader(files: [file].compactMap(\.self), credentials: credentials.paths))
    let remedy = isInstalled ? "correct it, then systemctl restart wf-api 'wf-worker*'" : "correct it"
    results += problems.map { .failed($0, remedy: remedy) }
  }
}
