import ExactJSON
import Workflow
import WorkflowStore

/// Counts what a run takes in Redis as text, and what it may still take.
///
/// Counted are its documents (steps, inputs, outputs and stored values, which move into the result at the end), its
/// progress log, and what wf writes around them. Room for what must be written in any case is kept free from the start: the
/// start and a short end of every step, and the end of the run. So whatever becomes of a run, all of it together stays
/// within the limit.
struct RunBudget {
  /// The limits on what steps may return.
  struct Limits {
    var outputBytes: Int
    var runBytes: Int
    var progressEntryBytes: Int

    /// What one step may return, or be given.
    var step: ByteLimit {
      outputBytes <= runBytes
        ? ByteLimit(outputBytes, setting: "WF_MAX_OUTPUT_BYTES") : ByteLimit(runBytes, setting: "WF_MAX_RUN_BYTES")
    }
  }

  let limits: Limits
  /// Bytes of the run's documents, with the names that the result puts before them.
  private(set) var documents: Int
  /// Bytes that are kept free for entries which must be written.
  private var reserved: Int

  /// The job's times and status, the entries `started` and `finished` or `failed`, the result's own keys.
  private static let runReserve = 1_024
  /// Bytes of a message where there is no room for a longer one.
  private static let shortMessage = 100

  init(_ run: ClaimedRun, limits: Limits) {
    self.limits = limits
    documents = run.documentBytes + 2 * run.definition.runName.utf8.count
    reserved = RunBudget.runReserve
    for step in run.definition.steps {
      if run.recorded[step.id] == nil { reserved += RunBudget.reserve(for: step) } else { addResultKey(step.id) }
    }
    for value in run.stored { addPlace(value.namespace) }
  }

  /// What is left.
  func room(logBytes: Int) -> Int { limits.runBytes - documents - reserved - logBytes }

  /// Takes room for what a step returned: in the documents, in the log with its notes, and in the result.
  /// - Parameters:
  ///   - count: bytes of the outputs, or of the value that is to be stored, as JSON text.
  ///   - logged: bytes of that which its progress entries repeat.
  /// - Returns: why it does not fit; nil when it does.
  mutating func admit(_ count: Int, logged: Int, logBytes: Int) -> StepFailure? {
    let need = count + logged
    let room = room(logBytes: logBytes)
    guard need <= room else {
      return StepFailure(
        .outputTooLarge,
        "the outputs take \(need) bytes with their progress entry; the run has \(max(0, room)) of "
          + "\(limits.runBytes) left (WF_MAX_RUN_BYTES)")
    }
    documents += count
    return nil
  }

  /// Notes that a step has ended: what was kept free for it is free again, or is taken by its entries.
  mutating func end(_ step: StepDefinition, recorded: Bool) {
    reserved -= RunBudget.reserve(for: step)
    if recorded { addResultKey(step.id) }
  }

  /// Notes that a value goes to a store, whose name stays with the run.
  mutating func addPlace(_ namespace: String) {
    var counter = JSONByteCounter(left: .max)
    _ = counter.take(string: namespace)
    // Once among the job's fields, once in the result, each with some punctuation and a number.
    documents += 2 * (.max - counter.left) + 16
  }

  /// A failure with a message for which there is room: it is written twice, as the step's and as the run's, and kept as the
  /// job's error.
  func fitting(_ failure: StepFailure, logBytes: Int) -> StepFailure {
    var counter = JSONByteCounter(left: .max)
    _ = counter.take(string: failure.message)
    let fits = 3 * (.max - counter.left) <= room(logBytes: logBytes)
    return fits ? failure : failure.cut(toBytes: RunBudget.shortMessage)
  }

  private mutating func addResultKey(_ step: String) { documents += step.utf8.count + 4 }

  /// The step's start, a short end of it, and its key in the result.
  private static func reserve(for step: StepDefinition) -> Int {
    let start = ProgressMessage.stepStart(step: step.id, op: step.op).byteCount
    let end = ProgressMessage.stepFailed(step: step.id, StepFailure(.outputTooLarge, "")).byteCount
    return start + end + shortMessage + step.id.utf8.count + 4
  }
}
