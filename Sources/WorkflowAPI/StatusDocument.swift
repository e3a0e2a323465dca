import ExactJSON
import Workflow
import WorkflowStore

/// The JSON of a run's status. Documents are spliced in as they lie in Redis, not decoded and encoded.
struct StatusDocument {
  private let id: JobID
  private let run: StoredRun
  private let since: Int

  /// - Parameter since: index of the first progress entry that is shown; the steps are told from all of them.
  init(_ id: JobID, _ run: StoredRun, since: Int = 0) {
    self.id = id
    self.run = run
    self.since = since
  }

  /// Bytes of what it is made from.
  var size: Int {
    (run.steps?.count ?? 0) + (run.result?.count ?? 0) + run.progress.reduce(0) { $0 + $1.count + 1 }
  }

  /// The document as text.
  var bytes: [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(1_024 + size)
    append("{\"job_id\":\"", id.description, "\",\"run_name\":", to: &text)
    JSONWriter.append(string: run.runName, to: &text)
    append(",\"status\":\"", run.status.rawValue, "\",\"created_ts\":", run.createdAt, to: &text)
    append(",\"started_ts\":", run.startedAt ?? "null", ",\"finished_ts\":", run.finishedAt ?? "null", to: &text)
    appendError(to: &text)
    appendProgress(to: &text)
    appendSteps(to: &text)
    append(",\"result\":", to: &text)
    text += run.result ?? Array("null".utf8)
    text.append(UInt8(ascii: "}"))
    return text
  }

  private func append(_ parts: String..., to text: inout [UInt8]) {
    for part in parts { JSONWriter.append(verbatim: part, to: &text) }
  }

  private func appendError(to text: inout [UInt8]) {
    guard let error = run.error else { return }
    append(",\"error\":", to: &text)
    JSONWriter.append(string: error, to: &text)
    guard let code = run.errorCode else { return }
    append(",\"error_code\":", to: &text)
    JSONWriter.append(string: code, to: &text)
  }

  private func appendProgress(to text: inout [UInt8]) {
    append(",\"progress\":[", to: &text)
    for (index, entry) in run.progress.dropFirst(since).enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      text += entry
    }
    text.append(UInt8(ascii: "]"))
  }

  private func appendSteps(to text: inout [UInt8]) {
    let views = StepView.fold(
      run.progress.map { ProgressHead($0) }, known: knownSteps, isStarted: run.status == .started)
    append(",\"steps\":{", to: &text)
    for (index, view) in views.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      append(view, to: &text)
    }
    text.append(UInt8(ascii: "}"))
  }

  private func append(_ view: StepView, to text: inout [UInt8]) {
    JSONWriter.append(string: view.id, to: &text)
    append(":{\"op\":", to: &text)
    JSONWriter.append(string: view.op ?? "", to: &text)
    append(",\"status\":\"", view.status.rawValue, "\",\"attempts\":", String(view.attempts), to: &text)
    append(",\"started_ts\":", view.startedAt ?? "null", ",\"finished_ts\":", view.finishedAt ?? "null", to: &text)
    if run.status == .failed, let entry = view.doneEntry, let outputs = ProgressHead.outputs(in: run.progress[entry]) {
      append(",\"outputs\":", to: &text)
      text += outputs
    }
    text.append(UInt8(ascii: "}"))
  }

  private var knownSteps: [StepView] {
    let depth = JSONValue.permittedDepths.upperBound
    let steps = run.steps.flatMap { try? JSONValue(parsing: $0, maximumDepth: depth) }
    guard let array = steps?.arrayValue else { return [] }
    return array.compactMap(StepDefinition.init(json:)).map { StepView(id: $0.id, op: $0.op) }
  }
}
