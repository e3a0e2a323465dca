import Glibc

/// The settings that the services of this host have from systemd, for whoever is not started by it.
struct HostSettings {
  /// The settings that bring somebody to the parts of wf: they are examined even if others are wrong.
  private static let essential = ["REDIS_URL", "WF_URL", "WF_KEY_PREFIX"]

  /// The settings: this process's environment wins over the host's file, or over `.env` where there is none.
  /// Nil where not even the essential ones can be read.
  private(set) var settings: Settings?
  /// What stands in the way of reading them.
  private(set) var findings: [Finding] = []
  /// Whether all settings are right, so that the model can be examined.
  var isComplete: Bool { findings.isEmpty }

  /// Reads them.
  init() async {
    let credentials = await HostCredentials.ofHost()
    findings = credentials.findings
    var file: SettingsFile?
    do {
      file = try SettingsFile.ofHost() ?? SettingsFile.dotEnv()
    } catch is SettingsFile.Unreadable {
      findings.append(
        .doubtful(
          "\(SettingsFile.hostPath) cannot be read: the defaults are examined", remedy: "sudo wf doctor"))
    } catch {
      refuse(error)
    }
    load(file, credentials)
  }

  private mutating func load(_ file: SettingsFile?, _ credentials: HostCredentials) {
    do {
      settings = try Settings.load(files: [file].compactMap(\.self), credentials: credentials.paths)
    } catch {
      refuse(error)
      let values = (file?.values ?? [:]).filter { HostSettings.essential.contains($0.key) }
      let rest = file.map { SettingsFile(path: $0.path, values: values) }
      settings = try? Settings.load(files: [rest].compactMap(\.self), credentials: credentials.paths)
    }
  }

  private mutating func refuse(_ error: any Error) {
    let problems = (error as? Settings.Invalid)?.problems ?? ["\(error)"]
    findings += problems.map {
      .broken($0, remedy: "correct it, then systemctl restart wf-api 'wf-worker*'")
    }
  }
}
