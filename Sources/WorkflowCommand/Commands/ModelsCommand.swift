import ArgumentParser
import Curl
import WorkflowLLM
import ExactJSON

/// `wf models`: lists the configured models, and tries them.
struct ModelsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "List the configured models, or try each of them.",
    discussion: """
      wf models                  a line each, with the place in the chain
      wf models --json | jq .models[].name
      wf models test             calls all of them
      wf models test fast big

      The models are those of WF_MODELS_FILE, or the one of WF_LLM_BASE_URL. On a host with the services their settings \
      and credentials are used: sudo wf models test. Keys are never shown.
      """,
    subcommands: [List.self, Test.self], defaultSubcommand: List.self)

  /// `wf models list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the models: what steps can name, and what is called without a name.")

    @Flag(help: "Print JSON, with the names of the file's members.")
    var json = false

    func run() async throws {
      try HTTPClient.loadLibrary()
      let models = try await Settings.models().models
      guard let table = ModelTable(models) else {
        if json { return Terminal.show(.object(["models": [], "default": []])) }
        return Terminal.say("no model is configured: the placeholder summarizes")
      }
      if json { return Terminal.show(table.json) }
      for line in table.lines(width: Terminal.lineWidth) { Terminal.show(line) }
    }
  }

  /// `wf models test`.
  struct Test: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "test",
      abstract: "Call each model as runs do, whole and as a stream: does it answer, how fast, at what price.",
      discussion: """
        A line for each call, the models in the order of the file: seconds to the end and to the first text of a stream, tokens, price, \
        the model that has answered, and the parameters that it turned out to refuse; put these into its refuses. Models \
        that are configured without streams are called whole only. A call costs what some 100 tokens cost. Exit code 1 if \
        one does not answer.
        """)

    @Argument(help: "Which models. Default: all.")
    var names: [String] = []

    @Flag(help: "Print a line of JSON for each call.")
    var json = false

    /// Calls at the same time.
    private static let mostCalls = 8

    func run() async throws {
      try HTTPClient.loadLibrary()
      let (models, calls) = try await Settings.models()
      let chosen = try chosen(models)
      let keyless = chosen.filter { models.missingKeys[$0.name] != nil }
      for model in keyless { Terminal.say("wf: \(models.missingKeys[model.name] ?? "")") }
      let client = HTTPClient(calls)
      defer { client.close() }
      let nameWidth = max(4, chosen.map(\.name.count).max() ?? 0)
      if !json { Terminal.show(ProbeReport.head(nameWidth: nameWidth)) }
      var hasFailed = !keyless.isEmpty
      await Self.probe(chosen.filter { models.missingKeys[$0.name] == nil }, client) { result in
        hasFailed = hasFailed || !result.isAnswered
        let report = ProbeReport(result: result)
        if json { Terminal.show(report.json) } else { Terminal.show(report.line(nameWidth: nameWidth)) }
      }
      if hasFailed { throw ExitCode(CommandFailure.Code.failed.rawValue) }
    }

    private func chosen(_ models: ModelSettings) throws -> [ModelDefinition] {
      guard let catalog = models.catalog else {
        throw CommandFailure(
          "no model is configured: set WF_MODELS_FILE, or WF_LLM_BASE_URL and WF_LLM_MODEL", code: .configuration)
      }
      if names.isEmpty { return catalog.models }
      return try names.map { name in
        guard let model = catalog[name] else {
          let known = catalog.models.map(\.name).joined(separator: ", ")
          throw CommandFailure("no model has the name \(name.oneLine); there are \(known)", code: .noInput)
        }
        return model
      }
    }

    /// Calls models, some at a time and each one way after the other, and says each second of five which of them have
    /// not answered.
    private static func probe(
      _ models: [ModelDefinition], _ client: HTTPClient, _ show: (ModelProbe.Result) -> Void
    ) async {
      for model in models { Terminal.say("wf: calling \(model.name) at \(ModelTable.host(of: model.baseURL))") }
      let waiting = WaitingCalls(models.map(\.name))
      var rows = ProbeRows(models: models.count)
      await withTaskGroup(of: (place: Int, result: ModelProbe.Result).self) { group in
        var rest = models.enumerated().map { ($0, ModelProbe(definition: $1, client: client)) }[...]
        func start(_ next: (place: Int, probe: ModelProbe)?, _ way: ModelProbe.Way = .whole) {
          if let next { group.addTask { (next.place, await next.probe.call(way)) } }
        }
        for _ in 0..<mostCalls { start(rest.popFirst()) }
        let reminder = Task { await waiting.remind(every: .seconds(5)) }
        while let (place, result) = await group.next() {
          rows.add(result, of: place, isLast: result.nextWay == nil, show)
          if let way = result.nextWay {
            start((place, result.probe), way)
          } else {
            waiting.end(result.definition.name)
            start(rest.popFirst())
          }
        }
        reminder.cancel()
      }
    }
  }
}
