import ExactJSON
import Glibc
import ModelServer
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// The folder with what drives a browser, which `make test` fills.
private let toolsFolder = getenv("PAGES_TOOLS").map { String(cString: $0) }

/// What a visitor does with the pages, in a real browser. Each scenario also fails on errors in the console, on
/// breaches of the policy and on requests to other hosts.
@Suite(.serialized, .enabled(if: toolsFolder != nil, "make test installs the tools"), .timeLimit(.minutes(5)))
struct BrowserTests {
  private static let script = FilePath(#filePath).removingLastComponent().removingLastComponent()
    .removingLastComponent().appending("Pages/pages.py").string

  /// Runs a scenario of `pages.py`.
  /// - Parameter whenSeen: what is done when the script says that it has seen something.
  private func visit(
    _ scenario: String, _ stack: Stack, _ arguments: [String] = [], whenSeen: @Sendable () async throws -> Void = {}
  ) async throws {
    let toolsFolder = try #require(toolsFolder)
    var options = PlatformOptions()
    options.processGroupID = 0
    let result = try await Subprocess.run(
      .path(FilePath("\(toolsFolder)/bin/python")),
      arguments: Arguments([Self.script, scenario, stack.url] + arguments),
      environment: .inherit.updating(["PYTHONDONTWRITEBYTECODE": "1"]), platformOptions: options,
      input: .inputWriter, output: .sequence, error: .combinedWithOutput
    ) { execution in
      var output = ""
      for try await line in execution.standardOutput.strings() {
        output += line
        guard line.hasPrefix("seen") else { continue }
        try await whenSeen()
        _ = try await execution.standardInputWriter.write("go\n")
      }
      try await execution.standardInputWriter.finish()
      return output
    }
    #expect(result.terminationStatus.isSuccess, "\(scenario): \(result.closureResult)")
  }

  private static func steps(_ count: Int) -> JSONValue {
    let steps = (0..<count).map { number -> JSONValue in
      let needs = [number - 1 - number % 7, number - 3 - number % 31].filter { $0 >= 0 }
      return [
        "id": .string("s\(number)"), "op": "preprocess", "needs": .array(Set(needs).sorted().map { .string("s\($0)") }),
      ]
    }
    return ["run_name": "many", "inputs": ["text": "a"], "steps": .array(steps)]
  }

  @Test func `The form submits the example, and its graph turns green`() async throws {
    try await Stack.with { stack in try await visit("submit", stack) }
  }

  @Test func `Faults of a submission are at their fields`() async throws {
    try await visit("faults", SharedStack.get())
  }

  @Test func `All can be read without JavaScript`() async throws {
    try await Stack.with { stack in
      let status = try await stack.run(Examples.example)
      try await visit("reading", stack, [status["job_id"]?.stringValue ?? ""])
    }
  }

  @Test func `No page has a serious fault of accessibility, light or dark, narrow or wide`() async throws {
    try await Stack.with { stack in
      let status = try await stack.run(Examples.example)
      try await visit("accessible", stack, [status["job_id"]?.stringValue ?? ""])
    }
  }

  @Test func `A thousand steps are drawn within 200 ms`() async throws {
    try await Stack.with { stack in
      let status = try await stack.run(Self.steps(1_000))
      try await visit("large", stack, [status["job_id"]?.stringValue ?? "", "1000"])
    }
  }

  @Test func `Buttons pause, resume and cancel a run`() async throws {
    let stack = try await SharedStack.get()
    let body: JSONValue = [
      "run_name": "waits", "delay_s": 3_600, "steps": [["id": "pre", "op": "preprocess"]],
    ]
    try await visit("cancel", stack, [try await stack.submit(body)])
  }

  private static let chat: JSONValue = [
    "run_name": "chat",
    "steps": [
      ["id": "ask", "op": "llm_chat", "params": ["prompt": "Which towns?"]],
      ["id": "quick", "op": "combine", "params": ["parts": ["a", "b"]]],
    ],
  ]

  @Test func `A failed run is retried by its button`() async throws {
    let model = try ModelServer()
    defer { model.close() }
    try await Stack.with(.init(settings: ["WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m"])) { stack in
      model.behaviour = .status(400, body: "{}")
      let status = try await stack.run(Self.chat)
      #expect(status["status"] == "failed")
      model.behaviour = .answer(text: "None.")
      try await visit("retry", stack, [status["job_id"]?.stringValue ?? ""])
    }
  }

  @Test func `What a model writes is on the page before it has ended`() async throws {
    let model = try ModelServer()
    defer { model.close() }
    try await Stack.with(.init(settings: ["WF_LLM_BASE_URL": model.baseURL, "WF_LLM_MODEL": "m"])) { stack in
      let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
      let text = String(repeating: "A town by the sea. ", count: 20)
      let first = #"data: {"choices":[{"index":0,"delta":{"content":"\#(text)"}}]}"# + "\n\n"
      let last =
        #"data: {"choices":[{"index":0,"delta":{"content":"End."},"finish_reason":"stop"}]}"# + "\n\ndata: [DONE]\n\n"
      model.behaviour = .pieces([.bytes(Array((head + first).utf8)), .hold, .bytes(Array(last.utf8)), .end])
      let id = try await stack.submit(Self.chat)
      try await visit("stream", stack, [id, "A town by the sea."]) { model.release() }
    }
  }

  @Test func `One logs in with a key, sees what is one's own, and logs out`() async throws {
    try await KeyStack.with { keys in
      let (own, other) = (try await keys.submit(key: "key-alice"), try await keys.submit(key: "key-bob"))
      for (id, key) in [(own, "key-alice"), (other, "key-bob")] {
        _ = try await wait("the end") { try await keys.status(id, key: key)["status"] == "finished" ? true : nil }
      }
      try await visit("login", keys.stack, [own, other])
    }
  }
}
