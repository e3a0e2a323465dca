import ArgumentParser
import CVersion

/// What `make install` writes the manual page with; nothing else calls it.
struct ManualCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual", abstract: "Print the manual page wf(1), in mdoc(7).", shouldDisplay: false)

  @Option(help: "The folder with the pages of the documentation.", completion: .directory)
  var docs: String

  @Option(help: "The date of the page, such as 'November 30, 2026'.")
  var date: String

  func run() throws {
    func page(_ name: String) throws -> String {
      String(decoding: try Files.read("\(docs)/\(name).md"), as: UTF8.self)
    }
    let pages = try ManualPage.Pages(
      settings: page("SettingsReference"), commands: page("Commands"), operating: page("Operating"))
    let manual = try ManualPage(version: String(cString: wf_version()), date: date, pages: pages)
    Terminal.write(manual.text)
  }
}
