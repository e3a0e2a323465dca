import Glibc
import Subprocess
import SystemHarness
import SystemPackage
import Testing

/// The folder with tools that read OpenAPI documents, which `make test` fills.
private let toolsFolder = getenv("SCHEMA_TOOLS").map { String(cString: $0) }

/// The OpenAPI document, as tools that others wrote read it, and the API, as they test it.
@Suite(.enabled(if: toolsFolder != nil, "make test installs the tools"), .timeLimit(.minutes(15)))
struct OpenAPITests {
  /// The folder with what the tools are told.
  private static let folder = FilePath(#filePath).removingLastComponent().removingLastComponent().appending("Schema")

  /// So that callbacks are among what is tested.
  private static let settings = ["WF_CALLBACK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]

  /// Runs a tool in its own folder.
  /// - Returns: whether it found no fault, and what it printed.
  private func run(
    _ tool: String, _ arguments: [String], in folder: String
  ) async throws -> (isGood: Bool, output: String) {
    let toolsFolder = try #require(toolsFolder)
    let result = try await Subprocess.run(
      .path(FilePath("\(toolsFolder)/bin/\(tool)")), arguments: Arguments(arguments),
      environment: .inherit.updating(["PYTHONPATH": Self.folder.string, "PYTHONDONTWRITEBYTECODE": "1"]),
      workingDirectory: FilePath(folder), output: .string(limit: 1 << 24), error: .string(limit: 1 << 20))
    return (result.terminationStatus.isSuccess, result.standardOutput + result.standardError)
  }

  @Test func `The document is valid`() async throws {
    let stack = try await SharedStack.get()
    let script = Self.folder.appending("document.py").string
    let (isGood, output) = try await run("python", [script, "\(stack.url)/workflow/openapi.json"], in: "/tmp")
    #expect(isGood, "\(output)")
  }

  @Test func `The API answers as the document says, whatever it is sent`() async throws {
    try await Stack.with(.init(settings: Self.settings)) { stack in try await testByDocument(stack) }
  }

  @Test func `An API with keys answers as its document says, and nobody without one`() async throws {
    try await KeyStack.with(.init(settings: Self.settings)) { keys in
      let script = Self.folder.appending("document.py").string
      let (isGood, output) = try await run(
        "python", [script, "\(keys.stack.url)/workflow/openapi.json", "key-ops"], in: "/tmp")
      #expect(isGood, "\(output)")
      // The other phases send what they send without keys.
      try await testByDocument(
        keys.stack, ["--header", "Authorization: Bearer key-ops", "--phases", "fuzzing,stateful"])
    }
  }

  private func testByDocument(_ stack: Stack, _ options: [String] = []) async throws {
    let document = "\(stack.url)/workflow/openapi.json"
    let configuration = Self.folder.appending("schemathesis.toml").string
    try await withFolder { folder in
      let (isGood, output) = try await run(
        "st", ["--config-file", configuration, "run", document, "--no-color"] + options, in: folder)
      #expect(isGood, "\(output)")
    }
  }
}
