import ExactJSON
import LinuxSupport
import Workflow
import WorkflowStore

/// Renders the status of a run as JSON. Documents are inserted as they are stored, without decoding them; large ones
/// are not even copied.
struct StatusDocument {
  private let id: JobID
  private let run: StoredRun
  private let since: Int
  private let usage: [String: ModelUsage]?

  /// - Parameters:
  ///   - since: the index of the first progress entry that is shown. The steps are derived from all entries.
  ///   - usage: what calls of models have used, by step; nil where that cannot be read now.
  init(_ id: JobID, _ run: StoredRun, since: Int = 0, usage: [String: ModelUsage]? = [:]) {
    self.usage = usage
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
    text.last.append(text: "{\"job_id\":\"")
    text.last.append(text: id.description)
    text.last.append(text: "\",\"run_name\":")
    JSONWriter.append(string: facts.runName, to: &text.last)
    appendOrigin(to: &text.last)
    text.last.append(text: ",\"status\":\"")
    text.last.append(text: facts.status.rawValue)
    text.last.append(text: "\",\"created_ts\":")
    text.last += facts.createdAt
    text.last.append(text: ",\"started_ts\":")
    text.last += facts.startedAt ?? Self.null
    text.last.append(text: ",\"finished_ts\":")
    text.last += facts.finishedAt ?? Self.null
    if facts.status == .queued, let due = facts.due {
      text.last.append(text: ",\"due_ts\":")
      text.last += due
    }
    appendGeneration(to: &text.last)
    if facts.isPaused { text.last.append(text: ",\"paused\":true") }
    if let priority = facts.priority { text.last.append(text: ",\"priority\":\"\(priority)\"") }
    if let labels = facts.labels {
      text.last.append(text: ",\"labels\":")
      text.last += labels
    }
    if facts.isDegraded { text.last.append(text: ",\"degraded\":true") }
    if usage == nil { text.last.append(text: ",\"usage_unknown\":true") }
    appendError(to: &text.last)
    appendProgress(to: &text)
    appendSteps(to: &text)
    text.last.append(text: ",\"result\":")
    text.append(document: run.result ?? Self.null)
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

  private func appendGeneration(to text: inout [UInt8]) {
    if run.facts.generation > 0 { text.append(text: ",\"generation\":\(run.facts.generation)") }
    guard let reopened = run.facts.reopenedAt else { return }
    text.append(text: ",\"reopened_ts\":")
    text += reopened
  }

  /// Names the schedule that has started the run. A name has nothing that JSON escapes.
  private func appendOrigin(to text: inout [UInt8]) {
    guard let origin = run.facts.origin else { return }
    text.append(
      text: ",\"schedule\":{\"name\":\"\(ScheduleName(stored: origin.name).name)\",\"tick_ts\":\(origin.tick)}")
  }

  private func appendError(to text: inout [UInt8]) {
    guard let error = run.facts.error else { return }
    text.append(text: ",\"error\":")
    JSONWriter.append(string: error, to: &text)
    guard let code = run.facts.errorCode else { return }
    text.append(text: ",\"error_code\":")
    JSONWriter.append(string: code, to: &text)
  }

  private func appendProgress(to text: inout PiecewiseText) {
    text.last.append(text: ",\"progress\":[")
    for (index, entry) in run.progress.dropFirst(since - run.first).enumerated() {
      if index > 0 { text.last.append(UInt8(ascii: ",")) }
      text.append(document: entry)
    }
    text.last.append(UInt8(ascii: "]"))
  }

  private func appendSteps(to text: inout PiecewiseText) {
    let views = StepView.fold(run.heads, known: knownSteps, isStarted: run.status == .started)
    var used = ModelUsage()
    for step in (usage ?? [:]).values { used.add(step) }
    append(used, to: &text.last)
    text.last.append(text: ",\"steps\":{")
    for (index, view) in views.enumerated() {
      if index > 0 { text.last.append(UInt8(ascii: ",")) }
      append(view, to: &text)
    }
    text.last.append(UInt8(ascii: "}"))
  }

  private func append(_ view: StepView, to text: inout PiecewiseText) {
    appendFacts(of: view, to: &text.last)
    if let progress = view.lastProgress {
      text.last.append(text: ",\"items\":{")
      text.last += progress.membersBehindStep
      text.last.append(UInt8(ascii: "}"))
    }
    if let used = usage?[view.id] { append(used, to: &text.last) }
    if !view.retryEntries.isEmpty { appendRetries(of: view, to: &text.last) }
    if run.status == .failed || run.status == .cancelled, let entry = view.doneEntry {
      if let outputs = ProgressHead.outputs(in: run.progress[entry]) {
        text.last.append(text: ",\"outputs\":")
        text.last += outputs
      } else if let outputs = run.outputs[view.id] {
        text.last.append(text: ",\"outputs\":")
        text.append(document: outputs)
      }
    }
    text.last.append(UInt8(ascii: "}"))
  }

  private func append(_ usage: ModelUsage, to text: inout [UInt8]) {
    if usage.isEmpty { return }
    text.append(text: ",\"usage\":")
    text += JSONValue.object(usage.json).bytes
  }

  private func appendFacts(of view: StepView, to text: inout [UInt8]) {
    JSONWriter.append(string: view.id, to: &text)
    text.append(text: ":{\"op\":")
    JSONWriter.append(string: view.op ?? "", to: &text)
    text.append(text: ",\"status\":\"")
    text.append(text: view.status.rawValue)
    text.append(text: "\",\"attempts\":")
    text.append(decimal: view.attempts)
    text.append(text: ",\"started_ts\":")
    text += view.startedAt ?? Self.null[...]
    text.append(text: ",\"finished_ts\":")
    text += view.finishedAt ?? Self.null[...]
  }

  /// The failed attempts after which others followed, as far as their entries were read.
  private func appendRetries(of view: StepView, to text: inout [UInt8]) {
    text.append(text: ",\"retries\":[")
    for (index, entry) in view.retryEntries.drop(while: { $0 < run.first }).enumerated() {
      guard let head = ProgressHead(run.progress[entry - run.first]) else { continue }
      text.append(text: index > 0 ? ",{\"ts\":" : "{\"ts\":")
      text += head.timestamp
      text.append(UInt8(ascii: ","))
      text += head.membersBehindStep
      text.append(UInt8(ascii: "}"))
    }
    text.append(UInt8(ascii: "]"))
  }

  private static let null = Array("null".utf8)

  private var knownSteps: [StepView] {
    let stored = run.steps.flatMap { try? JSONValue(deeply: $0) }.flatMap(StoredSteps.init(json:))
    return stored?.steps.map { StepView(id: $0.id, op: $0.op) } ?? []
  }
}
