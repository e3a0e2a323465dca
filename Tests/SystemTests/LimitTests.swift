import ExactJSON
import SystemHarness
import Testing

/// Over its byte limits a step fails with a sentence that names the setting.
@Suite struct LimitTests {
  @Test func `outputs over the limit of a step or of a run fail the step`() async throws {
    try await Stack.with(.init(settings: ["WF_MAX_OUTPUT_BYTES": "4096", "WF_MAX_RUN_BYTES": "8192"])) { stack in
      let large = try await stack.run(Examples.workflow(text: String(repeating: "x", count: 5_000)))
      #expect(large["status"] == "failed" && large["error_code"] == "output_too_large")
      #expect(large["error"]?.stringValue?.hasPrefix("step pre: ") == true)
      #expect(large["error"]?.stringValue?.contains("WF_MAX_OUTPUT_BYTES") == true)
      let many = try await stack.run(
        [
          "run_name": "many", "inputs": ["text": .string(String(repeating: "x", count: 3_000))],
          "steps": .array((0..<4).map { ["id": .string("s\($0)"), "op": "preprocess"] }),
        ])
      #expect(many["status"] == "failed" && many["error_code"] == "output_too_large")
      #expect(many["error"]?.stringValue?.contains("WF_MAX_RUN_BYTES") == true)
      #expect(try await stack.run(Examples.workflow(text: "small"))["status"] == "finished")
    }
  }

  @Test func `a text of 900 kB goes through`() async throws {
    let stack = try await SharedStack.get()
    let text = String(repeating: "word ", count: 180_000)
    let status = try await stack.run(Examples.workflow(text: text, namespace: "large"))
    #expect(status["status"] == "finished")
    #expect(status.at("result", "inputs", "text") == .string(text))
    #expect(status.at("result", "outputs", "pre", "clean_text") == .string(String(text.dropLast())))
  }
}
