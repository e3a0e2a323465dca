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

  /// The document as text.
  var bytes: [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(1_024 + (run.result?.count ?? 0) + run.progress.reduce(0) { $0 + $1.count + 1 })
    text += "{\"job_id\":\"\(id)\",\"run_name\":".utf8
    JSONWriter.append(string: run.runName, to: &text)
    text += ",\"status\":\"\(run.status.rawValue)\",\"created_ts\":\(run.createdAt)".utf8
    text += ",\"started_ts\":\(run.startedAt ?? "null"),\"finished_ts\":\(run.finishedAt ?? "null")".utf8
    appendError(to: &text)
    appendProgress(to: &text)
    appendSteps(to: &text)
    text += ",\"result\":".utf8
    text += run.result ?? Array("null".utf8)
    text.append(UInt8(ascii: "}"))
    return text
  }

  private func appendError(to text: inout [UInt8]) {
    guard let error = run.error else { return }
    text += ",\"error\":".utf8
    JSONWriter.append(string: error, to: &text)
    guard let code = run.errorCode else { return }
    text += ",\"error_code\":".utf8
    JSONWriter.append(string: code, to: &text)
  }

  private func appendProgress(to text: inout [UInt8]) {
    text += ",\"progress\":[".utf8
    for (index, entry) in run.progress.dropFirst(since).enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      text += entry
    }
    text.append(UInt8(ascii: "]"))
  }

  private func appendSteps(to text: inout [UInt8]) {
    let views = StepView.fold(
      run.progress.map { ProgressHead($0) }, known: knownSteps, isStarted: run.status == .started)
    text += ",\"steps\":{".utf8
    for (index, view) in views.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      append(view, to: &text)
    }
    text.append(UInt8(ascii: "}"))
  }

  private func append(_ view: StepView, to text: inout [UInt8]) {
    JSONWriter.append(string: view.id, to: &text)
    text += ":{\"op\":".utf8
    JSONWriter.append(string: view.op ?? "", to: &text)
    text += ",\"status\":\"\(view.status.rawValue)\",\"attempts\":\(view.attempts)".utf8
    text += ",\"started_ts\":\(view.startedAt ?? "null"),\"finished_ts\":\(view.finishedAt ?? "null")".utf8
    if run.status == .failed, let entry = view.doneEntry, let outputs = ProgressHead.outputs(in: run.progress[entry]) {
      text += ",\"outputs\":".utf8
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
