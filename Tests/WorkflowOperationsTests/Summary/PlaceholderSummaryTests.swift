import ExactJSON
import Testing
import Workflow
import WorkflowOperations

/// `llm_summarize` where no model is configured.
@Suite struct PlaceholderSummaryTests {
  private let operation = LLMSummarize(model: nil)

  @Test(
    arguments: [
      ("", 5, "Summary(0): "), ("abc", 5, "Summary(3): abc"), ("abcdef", 5, "Summary(5): abcde"),
      ("👩\u{200d}👧👦", 3, "Summary(3): 👩\u{200d}👧"), ("e\u{301}e\u{301}", 3, "Summary(3): e\u{301}e"),
      ("👍🏽", 1, "Summary(1): 👍"), ("a\r\nb", 2, "Summary(2): a\r"),
    ] as [(String, JSONValue, JSONValue)])
  func `The summary repeats the first scalars and counts them`(
    source: String, limit: JSONValue, summary: JSONValue
  ) async throws {
    let outputs = try await operation.outputs(["source": .string(source), "max_tokens": limit])
    #expect(outputs["summary"] == summary)
  }

  @Test func `It always says who spoke`() async throws {
    let outputs = try await operation.outputs(["source": "a", "model": "gpt-test"])
    #expect(outputs == ["summary": "Summary(1): a", "provider": "placeholder", "model": "placeholder", "usage": nil])
    #expect(outputs.keys == ["summary", "provider", "model", "usage"])
  }

  @Test func `It speaks at once, and the log says nothing of it`() async throws {
    #expect(operation.isImmediate)
    guard case .outputs(_, let notes) = try await operation.result(["source": "a"]) else {
      Issue.record("there are no outputs")
      return
    }
    #expect(notes.isEmpty)
  }

  @Test func `120 scalars are the default`() async throws {
    let source = String(repeating: "x", count: 121)
    let summary = try await operation.outputs(["source": .string(source)])["summary"]
    #expect(summary == .string("Summary(120): " + source.dropLast()))
  }

  @Test(arguments: [nil, 1, ["a"], ["clean_text": "a"]] as [JSONValue])
  func `A source that is no text fails the step`(source: JSONValue) async throws {
    let failure = await #expect(throws: StepError.self) {
      try await operation.run(Invocation(job: "job", step: "llm", params: ["source": source], inputs: [:]))
    }
    let sentence = "source must be a string; \(source.typeName) is there"
    #expect(failure == .failed(StepFailure(.operationFailed, sentence)))
    await #expect(throws: StepFailure.self) { try await operation.outputs(["source": source]) }
  }

  @Test func `A source that is missing fails the step`() async throws {
    await #expect(throws: StepError.failed(.init(.operationFailed, "source must be a string; nothing is there"))) {
      try await operation.run(Invocation(job: "job", step: "llm", params: [:], inputs: [:]))
    }
  }

  @Test func `Its parameters are those of the contract`() {
    #expect(operation.name == "llm_summarize")
    #expect(operation.parameters.fillingDefaults([:]) == ["source": "@pre.clean_text", "max_tokens": 120])
    #expect(operation.faults(["source": "a", "model": "m", "temperature": 0, "prompt": ""]).isEmpty)
    #expect(operation.faults(["max_token": 5]) == ["max_token: extra_forbidden"])
    #expect(operation.faults(["model": .string(String(repeating: "m", count: 201))]) == ["model: string_too_long"])
  }

  @Test(
    arguments: [
      ("1", nil), ("1000000", nil), (#""@inputs.limit""#, nil), ("0", "value_error"), ("1000001", "value_error"),
      ("-1", "value_error"), ("1.0", nil), ("1e3", nil), ("1.5", "int_type"), (#""100""#, "int_type"),
      ("null", "int_type"),
      ("99999999999999999999", "int_type"),
    ] as [(String, String?)])
  func `The limit is a whole number from one to a million`(limit: String, fault: String?) throws {
    let params: JSONObject = ["max_tokens": try JSONValue(parsing: limit)]
    #expect(operation.faults(params) == (fault.map { ["max_tokens: \($0)"] } ?? []))
  }

  @Test(
    arguments: [
      ("0", nil), ("2", nil), ("0.70", nil), ("2.1", "value_error"), ("-0.1", "value_error"), ("1e400", "value_error"),
      (#""warm""#, "float_type"),
    ] as [(String, String?)])
  func `The temperature is a number from zero to two`(temperature: String, fault: String?) throws {
    let params: JSONObject = ["temperature": try JSONValue(parsing: temperature)]
    #expect(operation.faults(params) == (fault.map { ["temperature: \($0)"] } ?? []))
  }
}
