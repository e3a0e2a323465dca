import Testing
import Workflow
import WorkflowAPI
import WorkflowLLM
import WorkflowOperations

/// The tables of fields on the page Contract are those that the validation and the OpenAPI document have.
@Suite struct FieldTableTests {
  private static let tables = [
    "Fields of a run": RunField.all, "Fields of a step": StepField.all, "Entries of needs": NeedField.all,
    "Retries": RetryField.all,
  ]

  private func section(_ name: String) throws -> String {
    let parts = try Tree.page("Contract").split(separator: "\n##").map(String.init)
    return try #require(parts.first { $0.hasPrefix("# \(name)\n") || $0.hasPrefix(" \(name)\n") }, "section \(name)")
  }

  @Test(arguments: tables.keys.sorted()) func `Each field has its type, its default and its rule`(_ name: String) throws
  {
    let fields = try #require(Self.tables[name])
    let rows = try Tree.table(headed: "field", in: section(name)).map { "| " + $0.joined(separator: " | ") + " |" }
    let wanted = fields.map { "| " + (["`\($0.name)`"] + $0.cells).joined(separator: " | ") + " |" }
    #expect(rows == wanted, "\(wanted.joined(separator: "\n"))")
  }

  @Test func `The page names the fields of a status`() throws {
    let rows = try Tree.table(headed: "field", in: section("Status"))
    #expect(Set(rows.flatMap { Tree.codeSpans(in: $0[0]) }) == Set(ResponseSchemas.status.map(\.name)))
  }

  @Test func `The document says of every parameter of an operation what it means`() {
    for operation in OperationRegistry.builtIn(summarizer: LLMSummarize(model: nil)) {
      for parameter in operation.parameters.parameters {
        #expect(!parameter.summary.isEmpty, "\(operation.name) \(parameter.name)")
      }
    }
  }
}
