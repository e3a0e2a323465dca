import ArgumentParser

/// `wf example`: prints the example body.
struct ExampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "example", abstract: "Print a body to submit.",
    discussion: """
      wf example > example.json
      wf example | curl -i --json @- http://127.0.0.1:8000/workflow/run
      """)

  /// The body: clean a text, have it summarised, store the summary.
  static var body: [UInt8] { PackageResources.example_json }

  func run() { Terminal.show(Array(ExampleCommand.body.dropLast())) }
}
