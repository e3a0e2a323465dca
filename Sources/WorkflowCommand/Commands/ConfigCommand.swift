import ArgumentParser

/// `wf config`: prints the settings in force.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Print the settings in force, and where each comes from; secrets are masked.",
    discussion: """
      Settings are environment variables. `wf dev` and the commands for people read a .env file in the working
      directory as well; the environment wins.
      """)

  func run() throws {
    let rows = try Settings.load(readsDotEnv: true).rows
    let width = rows.map { $0.name.count + $0.value.count + 1 }.max() ?? 0
    for row in rows {
      let setting = "\(row.name)=\(row.value)"
      let padding = String(repeating: " ", count: width - setting.count)
      Terminal.show("\(setting)\(padding)  \(row.source.rawValue)")
    }
  }
}
