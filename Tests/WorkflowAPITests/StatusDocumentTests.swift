import ExactJSON
import Testing
import Workflow

@testable import WorkflowAPI
@testable import WorkflowStore

@Suite struct StatusDocumentTests {
  private let id = JobID()

  private func document(
    _ status: RunStatus, error: (code: String, text: String)? = nil, isDegraded: Bool = false, steps: String? = nil,
    result: String? = nil, first: Int = 0, log: [String] = [], heads: [String]? = nil, outputs: [String: String] = [:],
    since: Int = 0
  ) -> StatusDocument {
    let facts = RunFacts(
      status: status, runName: "a \"b\"", createdAt: Array("1.5".utf8),
      startedAt: status == .queued ? nil : Array("2.5".utf8),
      finishedAt: status.isTerminal ? Array("3.5".utf8) : nil, errorCode: error?.code, error: error?.text,
      isDegraded: isDegraded, due: nil, labels: nil, priority: nil, entries: log.count, bytes: 0)
    let run = StoredRun(
      facts: facts, steps: steps.map { Array($0.utf8) }, result: result.map { Array($0.utf8) }, first: first,
      progress: log.map { Array($0.utf8) }, heads: (heads ?? log).map { ProgressHead(Array($0.utf8)) },
      outputs: outputs.mapValues { Array($0.utf8) })
    return StatusDocument(id, run, since: since)
  }

  private func text(_ document: StatusDocument) -> String { String(decoding: document.pieces.joined(), as: UTF8.self) }

  private let steps =
    #"[{"id":"a","op":"note","needs":[],"params":{}},{"id":"b","op":"note","needs":["a"],"params":{}}]"#
  private let log = [
    #"{"ts":1.5,"msg":"enqueued"}"#, #"{"ts":2.5,"msg":"started"}"#,
    #"{"ts":2.6,"msg":"step_start","step":"a","op":"note","attempt":1}"#,
    #"{"ts":2.7,"msg":"step_done","step":"a","outputs":{"x":1.0}}"#,
  ]

  @Test func `A queued run has its steps from the definition, and null where nothing is known`() {
    let text = text(document(.queued, steps: steps, log: [log[0]]))
    #expect(
      text == """
        {"job_id":"\(id)","run_name":"a \\"b\\"","status":"queued","created_ts":1.5,"started_ts":null,\
        "finished_ts":null,"progress":[\(log[0])],"steps":{\
        "a":{"op":"note","status":"pending","attempts":0,"started_ts":null,"finished_ts":null},\
        "b":{"op":"note","status":"pending","attempts":0,"started_ts":null,"finished_ts":null}},"result":null}
        """)
  }

  @Test func `A finished run has its result as it is stored`() throws {
    let text = text(document(.finished, isDegraded: true, result: #"{"outputs":{"a":1.0}}"#, log: log))
    #expect(text.hasSuffix(#","result":{"outputs":{"a":1.0}}}"#))
    let object = try #require(try JSONValue(parsing: text).objectValue)
    #expect(object["degraded"] == true && object["error"] == nil)
    #expect(object["steps"]?.objectValue?["a"]?.objectValue?["status"] == "done")
    #expect(object["steps"]?.objectValue?["a"]?.objectValue?["outputs"] == nil)
  }

  @Test func `A failed run has its error, and the outputs of the steps that are done`() throws {
    let done = #"{"ts":2.8,"msg":"step_done","step":"b","output_bytes":9}"#
    let text = text(
      document(
        .failed, error: ("timeout", "late \"x\""), steps: steps, log: log + [done], outputs: ["b": #"{"y":2.0}"#]))
    let object = try #require(try JSONValue(parsing: text).objectValue)
    #expect(object["error"] == "late \"x\"" && object["error_code"] == "timeout" && object["result"] == .null)
    #expect(object["steps"]?.objectValue?["a"]?.objectValue?["outputs"]?.text == #"{"x":1.0}"#)
    #expect(object["steps"]?.objectValue?["b"]?.objectValue?["outputs"]?.text == #"{"y":2.0}"#)
  }

  @Test func `Entries before since are left out, and the steps are told from all of them`() throws {
    let shown = document(.started, steps: steps, first: 2, log: Array(log[2...]), heads: log, since: 3)
    let object = try #require(try JSONValue(parsing: text(shown)).objectValue)
    #expect(object["progress"]?.text == "[\(log[3])]")
    #expect(object["steps"]?.objectValue?["a"]?.objectValue?["status"] == "done")
  }

  @Test func `A large document is a piece that is not copied together with the others`() {
    let large = "\"\(String(repeating: "x", count: 64 << 10))\""
    let pieces = document(.finished, result: large, log: log).pieces
    #expect(pieces.count == 3 && pieces[1] == Array(large.utf8))
    #expect(document(.finished, result: "\"x\"", log: log).pieces.count == 1)
  }
}
