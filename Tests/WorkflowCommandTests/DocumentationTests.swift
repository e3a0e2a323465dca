import ArgumentParser
import ExactJSON
import Testing
import Workflow
import WorkflowLLM
import WorkflowOperations

@testable import WorkflowCommand

/// The pages of the documentation, the README and `wf.env` agree with the code.
@Suite struct DocumentationTests {
  // MARK: Settings

  /// Each setting with its default, where a model is configured.
  private static func defaults() throws -> [(name: String, value: String)] {
    let model = ["WF_LLM_BASE_URL": "https://model.example/v1", "WF_LLM_MODEL": "m"]
    let rows = try Settings(SettingsReader(environment: model)).rows
    return rows.filter { $0.name.hasPrefix("WF_") || $0.name.hasPrefix("REDIS_") }.map { row in
      (row.name, model[row.name] == nil ? row.value : "")
    }
  }

  @Test func `The page lists every setting with its default`() throws {
    var documented: [String: String] = [:]
    for row in try Tree.table(headed: "setting", in: Tree.page("SettingsReference")) {
      let names = Tree.codeSpans(in: row[0])
      let values = row[1].split(separator: ", ").map { $0.filter { $0 != "`" } }
      for (index, name) in names.enumerated() {
        documented[name] = values.count == names.count ? values[index] : row[1]
      }
    }
    let noDefault = ["none", "WF_LLM_MODEL alone"]
    let known = try Self.defaults()
    #expect(Set(documented.keys).symmetricDifference(known.map(\.name)) == [])
    for (name, value) in known {
      let text = documented[name] ?? ""
      #expect(value.isEmpty ? noDefault.contains(text) : text == value, "\(name): \(value)")
    }
  }

  @Test func `wf.env has every setting as a comment with its default`() throws {
    let lines = try Tree.text("systemd/wf.env").split(separator: "\n").filter { $0.hasPrefix("#") }
    var shown: [String: String] = [:]
    for line in lines {
      guard let match = line.wholeMatch(of: #/#([A-Z_]+)=(.*)/#) else { continue }
      shown[String(match.1)] = String(match.2)
    }
    let known = try Self.defaults()
    #expect(Set(shown.keys).symmetricDifference(known.map(\.name)) == [])
    // The address of a site is an example: the default is that of a host without one.
    for (name, value) in known where !value.isEmpty && name != "WF_URL" { #expect(shown[name] == value, "\(name)") }
  }

  // MARK: Commands

  @Test func `The page lists the exit codes of the code, and so does the help`() throws {
    let rows = try Tree.table(headed: "code", in: Tree.page("Commands"))
    let documented = rows.compactMap { Int32($0[0]) }
    let ofParserAndSignals: [Int32] = [0, 64, 130, 143]
    let ofCommands = CommandFailure.Code.allCases.map(\.rawValue)
    #expect(documented == (ofParserAndSignals + ofCommands).sorted())
    let help = WF.helpMessage(columns: 1_000)
    let sentence = try #require(help.split(separator: "\n").first { $0.contains("Exit codes:") })
    // Those of the command that `wf dev` runs are no concern of the others.
    let named = sentence.matches(of: #/\d+/#).compactMap { Int32($0.output) } + [126, 127]
    #expect(named.sorted() == documented)
  }

  @Test func `The page lists every command with its options`() throws {
    let rows = try Tree.table(headed: "command", in: Tree.page("Commands"))
    var known: Set<String> = []
    for command in WF.configuration.subcommands where command.configuration.shouldDisplay {
      let name = try #require(command.configuration.commandName)
      known.insert(name)
      let text = rows.filter { $0[0].contains("`wf \(name)") }.joined().joined()
      let options = WF.helpMessage(for: command, columns: 1_000).matches(of: #/\n  (?:-., )?(--[a-z-]+)/#)
      for option in Set(options.map { String($0.1) }).subtracting(["--help", "--version"]) {
        #expect(text.contains(option), "wf \(name) \(option)")
      }
    }
    #expect(Set(rows.flatMap { $0[0].matches(of: #/`wf ([a-z]+)/#).map { String($0.1) } }) == known)
  }

  @Test func `The help of make lists every target`() throws {
    let makefile = try Tree.text("Makefile")
    let phony = try #require(makefile.split(separator: "\n").first { $0.hasPrefix(".PHONY: ") })
    let listed = makefile.matches(of: #/\n# make ([a-z-]+) /#).map { $0.1 }
    #expect(Set(listed) == Set(phony.dropFirst(".PHONY: ".count).split(separator: " ")).subtracting(["help"]))
  }

  // MARK: The contract

  private static let operations = OperationRegistry.builtIn(summarizer: LLMSummarize(model: nil))

  @Test(arguments: ["Contract.md", "README.md"])
  func `The page lists every operation with its parameters and defaults, as the README does`(_ name: String) throws {
    let document = try #require(Tree.documents.first { $0 == name || $0.hasSuffix("/\(name)") })
    let rows = try Tree.table(headed: "op", in: Tree.text(document))
    let operations = Self.operations
    #expect(rows.map { $0[0] } == operations.map { "`\($0.name)`" })
    for (row, operation) in zip(rows, operations) {
      let parameters = operation.parameters.parameters.map { parameter in
        "`\(parameter.name)`" + (parameter.defaultValue.map { " (\($0.text))" } ?? "")
      }
      #expect(row[1] == parameters.joined(separator: ", "))
    }
  }

  @Test func `The changelog names every operation`() throws {
    let named = Set(Tree.codeSpans(in: try Tree.page("Changelog")))
    #expect(Set(Self.operations.map(\.name)).subtracting(named) == [])
  }

  @Test func `The page lists the error codes`() throws {
    let paragraph = try #require(
      try Tree.page("Contract").split(separator: "\n\n").first { $0.hasPrefix("Error codes:") })
    #expect(Tree.codeSpans(in: paragraph) == ErrorCode.allCases.map(\.rawValue))
  }

  @Test func `The public keys are those that Keys.swift calls public`() throws {
    let rows = try Tree.table(headed: "key", in: Tree.page("Contract"))
    let keys = try Tree.keys()
    #expect(rows.map { $0[0].filter { $0 != "`" } } == keys.filter(\.isPublic).map { "wf:\($0.name)" })
    #expect(rows.map { $0[1] } == keys.filter(\.isPublic).map(\.type))
  }

  @Test func `The table in Keys.swift has every key that code and scripts name`() throws {
    let documented = Set(try Tree.keys().map { $0.name.prefix { $0 != ":" } })
    var named: Set<Substring> = []
    let code = try Tree.text("Sources/WorkflowStore/Keys.swift")
    for match in code.matches(of: #/(?:\(prefix\)|prefix \+ ")([a-z_]+)/#) { named.insert(match.1) }
    for path in Tree.files where path.hasSuffix(".lua") {
      for match in try Tree.text(path).matches(of: #/prefix \.\. '([a-z_]+)/#) { named.insert(match.1) }
    }
    #expect(named.count > 10)
    #expect(named.subtracting(documented) == [])
  }

  // MARK: References

  @Test(arguments: Tree.documents)
  func `Files, functions, suites and pages that a page names exist`(_ document: String) throws {
    let text = try Tree.text(document)
    // Those of the reader's own package are not here.
    let paths = Tree.codeSpans(in: text).filter { $0.contains(#/^[A-Za-z+\/]+\.(swift|lua)$/#) }
    for span in Set(paths) where !span.contains("our-wf") {
      #expect(Tree.files.contains { "/\($0)".hasSuffix("/\(span)") }, "\(span)")
    }
    for match in text.matches(of: #/`([A-Za-z+\/]+\.swift)` `([A-Za-z]+)\(\)`/#) {
      let isThere = try Tree.text("Sources/\(match.1)").contains("func \(match.2)(")
      #expect(isThere, "\(match.0)")
    }
    for match in text.matches(of: #/`([A-Z][A-Za-z]+Tests)`/#) {
      #expect(Tree.files.contains { $0.hasSuffix("/\(match.1).swift") || $0.contains("/\(match.1)/") }, "\(match.1)")
    }
    for match in text.matches(of: #/\]\(([^:)]+)\)/#) {
      #expect(Tree.files.contains { $0 == match.1 || $0.hasPrefix("\(match.1)/") }, "\(match.1)")
    }
  }

  @Test func `The constants of the rule of 1 ms are those of the code`() throws {
    let texts = [
      "1 ms": ["Duration.milliseconds(1)"], "32 KiB": ["32 << 10"], "64 KiB": ["64 << 10"],
    ]
    for row in try Tree.table(headed: "constant", in: Tree.page("Architecture")) {
      let names = row[0].filter { $0 != "`" }.split(separator: ".").map(String.init)
      let path = try #require(Tree.files.first { $0.hasSuffix("/\(names[0]).swift") }, "\(row[0])")
      let text = try Tree.text(path)
      let isThere = (texts[row[1]] ?? []).contains { text.contains("let \(names[1]) = \($0)\n") }
      #expect(isThere, "\(row[0])")
    }
  }

  @Test func `Pages that the code names exist`() throws {
    var named = 0
    for path in Tree.files where path.hasSuffix(".swift") || path.hasSuffix(".lua") {
      for match in try Tree.text(path).matches(of: #/the page ([A-Z][A-Za-z]+)/#) {
        named += 1
        #expect(Tree.documents.contains { $0.hasSuffix("/\(match.1).md") }, "\(path)")
      }
    }
    #expect(named > 0)
  }

  @Test func `The example of an own operation is the program that is built here`() throws {
    let page = try Tree.page("OwnOperations")
    let program = try Tree.text("Tests/OwnOperation/main.swift")
    let hasProgram = page.contains("```swift\n\(program)```")
    #expect(hasProgram)
    // What the package asks for is what this one offers.
    #expect(page.contains(#".product(name: "WorkflowCommand", package: "wf")"#))
    #expect(try Tree.text("Package.swift").contains(#"name: "WorkflowCommand", targets: ["#))
  }
}
