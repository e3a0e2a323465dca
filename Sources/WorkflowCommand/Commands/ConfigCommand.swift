import ArgumentParser
import Glibc
import Hiredis
import SystemPackage
import WorkflowLLM

/// `wf config`: prints the settings in force.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Print the settings in force, secrets masked, and where each comes from.",
    discussion: """
      Settings are environment variables. wf dev and the commands for people read a .env file in the working directory \
      as well, and the commands for people also /etc/wf/wf.env, the settings of this host's services, where they may. The \
      environment comes first, then .env.
      """)

  func run() throws {
    let settings = try Settings.forClient()
    show(settings.rows)
    // The services may have keys that this process has not.
    for model in settings.models.catalog?.models ?? [] {
      if let missing = settings.models.missingKeys[model.name] { Terminal.say("wf: \(missing)") }
    }
    try examine(settings.redis.passwordFile, of: "Redis's password")
    if case .sentinels = settings.redis.endpoint {
      try examine(settings.redis.sentinelLogin.passwordFile, of: "the sentinels' password")
    }
  }

  /// Says when a file cannot be read that the services read for every connection, so that it may be missing when they
  /// start.
  private func examine(_ path: String?, of what: String) throws {
    guard let path, access(path, R_OK) != 0 else { return }
    let sentence = "the file of \(what), \(path): \(Errno(rawValue: errno))"
    // The services' user may read what this user may not.
    if errno == EACCES { return Terminal.say("wf: \(sentence)") }
    throw CommandFailure(sentence, code: .configuration)
  }

  private func show(_ rows: [SettingsReader.Row]) {
    let width = rows.map { $0.name.count + $0.value.count + 1 }.max() ?? 0
    for row in rows {
      let setting = "\(row.name)=\(row.value)"
      let padding = String(repeating: " ", count: width - setting.count)
      Terminal.show("\(setting)\(padding)  \(row.source)")
    }
  }
}
