import Glibc
import SystemHarness
import SystemPackage
import Testing

/// The example of the page OwnOperations, built as `our-wf`.
@Suite struct OwnOperationTests {
  @Test func `A program with an operation of its own runs a workflow that needs it`() async throws {
    let program = FilePath(Stack.executable).removingLastComponent().appending("our-wf").string
    // `wf dev` puts the program that runs it on the path of its command, as `wf`.
    try await withFolder { folder in
      let body = #"{"run_name":"loud","inputs":{"text":"quiet"},"steps":[{"id":"a","op":"shout"}]}"#
      try write(body, to: "\(folder)/loud.json")
      let outcome = try await wf(["dev", "--", "wf", "run", "loud.json"], in: folder, program: program)
      #expect(outcome.code == 0, "\(outcome.error)")
      #expect(outcome.output.contains("QUIET"))
      let refused = try await wf(["dev", "--", "wf", "run", "loud.json"], in: folder)
      #expect(refused.code == 65)
    }
  }

  private func write(_ text: String, to path: String) throws {
    let file = try #require(fopen(path, "w"))
    fputs(text, file)
    fclose(file)
  }
}
