import ArgumentParser
import Testing

@testable import WorkflowCommand

/// The manual page has what the argument parser and the pages have.
@Suite struct ManualPageTests {
  private static func page() throws -> String {
    try ManualPage(
      version: "1.2.3", date: "November 30, 2026",
      pages: .init(
        settings: Tree.page("SettingsReference"), commands: Tree.page("Commands"), operating: Tree.page("Operating"))
    ).text
  }

  private static func commands(_ types: [any ParsableCommand.Type], _ path: String) -> [(
    String, any ParsableCommand.Type
  )] {
    types.filter { $0.configuration.shouldDisplay }.flatMap { type in
      let own = "\(path) \(type.configuration.commandName ?? "")"
      return [(own, type)] + commands(type.configuration.subcommands, own)
    }
  }

  @Test func `It names every command with its options`() throws {
    let page = try Self.page()
    let sections = page.split(separator: "\n.S").map(String.init)
    for (path, type) in Self.commands(WF.configuration.subcommands, "wf") {
      let section = try #require(sections.first { $0.hasPrefix("s \(Roff.argument(path))\n") }, "\(path)")
      let options = WF.helpMessage(for: type, columns: 1_000).matches(of: #/\n  (?:-., )?--([a-z-]+)/#).map { $0.1 }
      for option in options where option != "help" && option != "version" {
        #expect(section.contains("Fl Fl \(Roff.escaped(option))"), "\(path) --\(option)")
      }
    }
    #expect(!page.contains("supervise"))
  }

  @Test func `It has the settings, files, exit codes and examples of the pages`() throws {
    let page = try Self.page()
    for name in SettingNames.all { #expect(page.contains(name), "\(name)") }
    for code in CommandFailure.Code.allCases { #expect(page.contains(".It Sy \"\(code.rawValue)\"\n")) }
    for row in try Tree.table(headed: "file", in: Tree.page("Operating")) {
      #expect(page.contains(Roff.argument(row[0].filter { $0 != "`" })), "\(row[0])")
    }
    #expect(page.contains("wf run workflow.json "))
  }

  @Test(arguments: [
    ("a `b-c` d", ["a \\fBb\\-c\\fR d"]), (".start", ["\\&.start"]), ("One. Two.", ["One.", "Two."]),
    ("a\\b …", ["a\\eb \\[u2026]"]), ("see <doc:Models> and [text](x.md)", ["see the page Models and text"]),
    ("**Bold** word", ["\\fBBold\\fR word"]),
  ])
  func `Markdown becomes lines that mdoc reads as they are`(_ markdown: String, _ lines: [String]) {
    #expect(Roff.lines(markdown) == lines)
  }

  @Test func `A page without what the manual needs is an error, not a manual with a gap`() throws {
    #expect(throws: MarkdownPage.Missing.self) {
      try ManualPage(version: "1", date: "d", pages: .init(settings: "", commands: "", operating: ""))
    }
  }
}
