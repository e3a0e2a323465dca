import ExactJSON
import Workflow
import WorkflowStore

/// Renders the status of a run as JSON. Documents are inserted as they are stored, without decoding them; large ones
/// are not even copied.
struct StatusDocument {
  private let id: JobID
  private let run: StoredRun
  private let since: Int

  /// - Parameter since: the index of the first progress entry that is shown. The steps are derived from all entries.
  init(_ id: JobID, _ run: StoredRun, since: Int = 0) {
    self.id = id
    self.run = run
    self.since = since
  }

  /// The size in bytes from which a document becomes a separate piece.
  private static let largePiece = 64 << 10

  /// The size of its parts, in bytes.
  var size: Int {
    (run.steps?.count ?? 0) + (run.result?.count ?? 0) + run.progress.reduce(0) { $0 + $1.count + 1 }
      + run.outputs.values.reduce(0) { $0 + $1.count }
  }

  /// The document as JSON text, in pieces.
  var pieces: [[UInt8]] {
    var text = PiecewiseText()
    let facts = run.facts
    text.last.reserveCapacity((1 << 10) + min(size, Self.largePiece))
    append("{\"job_id\":\"", id.description, "\",\"run_name\":", to: &text.last)
    JSONWriter.append(string: facts.runName, to: &text.last)
    append(",\"status\":\"", facts.status.rawValue, "\",\"created_ts\":", facts.createdAt, to: &text.last)
    append(
      ",\"started_ts\":", facts.startedAt ?? "null", ",\"finished_ts\":", facts.finishedAt ?? "null", to: &text.last)
    if facts.isDegraded { append(",\"degraded\":true", to: &text.last) }
    appendError(to: &text.last)
    appendProgress(to: &text)
    appendSteps(to: &text)
    append(",\"result\":", to: &text.last)
    text.append(document: run.result ?? Array("null".utf8))
    text.last.append(UInt8(ascii: "}"))
    return text.pieces
  }

  /// Text whose large documents are separate pieces.
  private struct PiecewiseText {
    private var done: [[UInt8]] = []
    /// The last piece, to which text is added.
    var last: [UInt8] = []

    var pieces: [[UInt8]] { done + [last] }

    mutating func append(document: [UInt8]) {
      guard document.count >= StatusDocument.largePiece else { return last += document }
      done += [last, document]
      last = []
    }
  }

  private func append(_ parts: String..., to text: inout [UInt8]) {
    for part in parts { JSONWriter.append(verbatim: part, to: &text) }
  }

  private func appendError(to text: inout [UInt8]) {
    guard let error = run.facts.error else { return }
    append(",\"error\":", to: &text)
    JSONWriter.append(string: error, to: &text)
    guard let code = run.facts.errorCode else { return }
    append(",\"error_code\":", to: &text)
    JSONWriter.append(string: code, to: &text)
  }

  private func appendProgress(to text: inout PiecewiseText) {
    append(",\"progress\":[", to: &text.last)
    for (index, entry) in run.progress.dropFirst(since - run.first).enumerated() {
      if index > 0 { text.last.append(UInt8(ascii: ",")) }
      text.append(document: entry)
    }
    text.last.append(UInt8(ascii: "]"))
  }

  private func appendSteps(to text: inout PiecewiseText) {
    let views = StepView.fold(run.heads, known: knownSteps, isStarted: run.status == .started)
    append(",\"steps\":{", to: &text.last)
    for (index, view) in views.enumerated() {
      if index > 0 { text.last.append(UInt8(ascii: ",")) }
      append(view, to: &text)
    }
    text.last.append(UInt8(ascii: "}"))
  }

  private func append(_ view: StepView, to text: inout PiecewiseText) {
    appendFacts(of: view, to: &text.last)
    if run.status == .failed, let entry = view.doneEntry {
      if let outputs = ProgressHead.outputs(in: run.progress[entry]) {
        append(",\"outputs\":", to: &text.last)
        text.last += outputs
      } else if let outputs = run.outputs[view.id] {
        append(",\"outputs\":", to: &text.last)
        text.append(document: outputs)
      }
    }
    text.last.append(UInt8(ascii: "}"))
  }

  private func appendFacts(of view: StepView, to text: inout [UInt8]) {
    JSONWriter.append(string: view.id, to: &text)
    append(":{\"op\":", to: &text)
    JSONWriter.append(string: view.op ?? "", to: &text)
    append(",\"status\":\"", view.status.rawValue, "\",\"attempts\":", String(view.attempts), to: &text)
    append(",\"started_ts\":", view.startedAt ?? "null", ",\"finished_ts\":", view.finishedAt ?? "null", to: &text)
  }

  private var knownSteps: [StepView] {
    let steps = run.steps.flatMap { try? JSONValue(deeply: $0) }
    guard let array = steps?.arrayValue else { return [] }
    return array.compactMap(StepDefinition.init(json:)).map { StepView(id: $0.id, op: $0.op) }
  }
}
