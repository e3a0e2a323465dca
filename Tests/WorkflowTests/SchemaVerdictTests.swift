import ExactJSON
import Glibc
import SeededRandom
import Subprocess
import SystemPackage
import Testing

@testable import Workflow

/// The folder with validators of JSON Schema, which `make test` fills.
private let toolsFolder = getenv("SCHEMA_TOOLS").map { String(cString: $0) }

/// The JSON Schema of a submission says what the validation says, in the judgement of validators that others wrote.
@Suite(.enabled(if: toolsFolder != nil, "make test installs the validators"), .timeLimit(.minutes(2)))
struct SchemaVerdictTests {
  /// What jsonschema and jsonschema-rs say of a body.
  private struct Verdict {
    let python: Bool
    let ecma: Bool
  }

  private func verdicts(on bodies: [String]) async throws -> [Verdict] {
    let toolsFolder = try #require(toolsFolder)
    let components = DefinitionReader.sample.schemas()
    let schema = Field.reference("Workflow").merging(["components": ["schemas": .object(components)]])
    let lines = [JSONValue.object(schema).text] + bodies
    let script = FilePath(#filePath).removingLastComponent().removingLastComponent().appending("Schema/verdicts.py")
    let result = try await Subprocess.run(
      .path(FilePath("\(toolsFolder)/bin/python")), arguments: [script.string],
      input: .string(lines.joined(separator: "\n")), output: .string(limit: 1 << 24), error: .string(limit: 1 << 16))
    #expect(result.standardError == "")
    let words = result.standardOutput.split(whereSeparator: \.isWhitespace)
    try #require(words.count == bodies.count * 2)
    return bodies.indices.map { Verdict(python: words[$0 * 2] == "true", ecma: words[$0 * 2 + 1] == "true") }
  }

  /// Whether a fault is one that no JSON Schema finds: it is about more than one value.
  private func isBeyondSchema(_ fault: ValidationFault) -> Bool {
    let sentences = [
      "there is no step ", " has this id too", "the steps wait for each other", "there is no item here", ": no key ",
      ": no element ", "above max_delay_s", "is needed on",
    ]
    return sentences.contains(where: fault.message.contains)
  }

  private static func body(steps: String) -> String {
    #"{"run_name":"r","inputs":{"text":"x","n":1},"steps":[\#(steps)]}"#
  }

  private static func body(note text: String) -> String {
    body(
      steps: #"{"id":"pre","op":"wait"},{"id":"a","op":"note","params":{"value":[\#(JSONValue.string(text).text)]}}"#)
  }

  /// The bodies of the other tests, as far as they are short.
  private static let listed: [String] = {
    var bodies = (ValidationTests.faultyBodies + FieldValidationTests.faultyRuns).map(\.0)
    bodies += (ValidationTests.faultySteps + FieldValidationTests.faultyRetries + FieldValidationTests.faultyForeach)
      .map { body(steps: $0.0) }
    bodies += ValidationTests.faultyParams.map { body(steps: #"{"id":"a","op":"llm_summarize","params":\#($0.0)}"#) }
    bodies += ConditionTests.malformed.map { body(steps: #"{"id":"a","op":"wait","when":\#($0.0)}"#) }
    // Python reads 1e400 as infinity, which is no JSON.
    let conditions = ConditionTests.table.map(\.0.text).filter { !$0.contains("1e400") }
    bodies += conditions.map { body(steps: #"{"id":"pre","op":"wait"},{"id":"a","op":"wait","when":\#($0)}"#) }
    bodies += (TemplateTests.filled + TemplateTests.literals).map { body(note: $0.0) }
    bodies += (TemplateTests.refused + ReferenceTests.malformed).map { body(note: $0) }
    return bodies + good
  }()

  /// Bodies that use every field.
  private static let good = [
    """
    {"run_name":"","inputs":{},"fail_fast":false,"timeout_s":0.1,"delay_s":31536000,"priority":"low","retain_s":1,\
    "labels":{"a/b":"é"},"steps":[{"id":"a","op":"wait"},{"id":"b","op":"store_result","needs":["a",{"step":"a"}],\
    "params":{"data":[{"k":"@a"}],"namespace":"@@"},"optional":true,"timeout_s":86400,"when":{"not":{"exists":"@a.x"}},\
    "retry":{"max_attempts":1000,"delay_s":0,"multiplier":1,"max_delay_s":0,"jitter":false,"total_s":0,\
    "on":["timeout"]}}]}
    """,
    #"{"run_name":"r","callback_url":"https://hooks.example.com/wf?a=b","steps":[{"id":"a","op":"wait"}]}"#,
    #"{"run_name":"r","run_at":"2999-02-28T23:59:60.5-00:30","steps":[{"id":"a","op":"note"}]}"#,
    body(steps: #"{"id":"a","op":"llm_summarize","params":{"source":"@inputs.text","max_tokens":"@inputs.n"}}"#),
    body(steps: #"{"id":"a","op":"llm_summarize","params":{"source":"","max_tokens":1e2}}"#),
    body(steps: #"{"id":"a","op":"llm_summarize","params":{"source":"{{inputs.text}}","model":"@@12345"}}"#),
    body(steps: #"{"id":"a","op":"wait"},{"id":"b","op":"wait","needs":[{"step":"a","on":"failed"}]}"#),
  ]

  private func expectAgreement(_ bodies: [String]) async throws {
    let verdicts = try await verdicts(on: bodies)
    for (body, verdict) in zip(bodies, verdicts) {
      let faults = try DefinitionReader.sample.faults(in: body)
      // What the schema cannot find is no reason to refuse; any other fault is.
      #expect(verdict.ecma == faults.allSatisfy(isBeyondSchema), "\(body): \(faults.map(\.message))")
      // In Python $ stands before a line feed at the end, too.
      if !body.contains(#"\n"#) { #expect(verdict.python == verdict.ecma, "\(body)") }
    }
  }

  @Test func `The schema accepts what the API accepts, and refuses what it refuses for what one value is`() async throws
  {
    try await expectAgreement(Self.listed)
  }

  @Test(arguments: RandomTemplateTests.seeds) func `So it is for random texts`(seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let templates = (0..<1_500).map { _ in RandomTemplateTests.text(using: &random) }
    let references = (0..<1_500).map { _ in "@" + RandomReferenceTests.text(using: &random) }
    try await expectAgreement((templates + references).map { Self.body(note: $0) })
  }
}
