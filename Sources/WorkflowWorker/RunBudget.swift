import ExactJSON
import Workflow
import WorkflowStore

/// Counts the bytes of text that a run takes in Redis, and the bytes that are left.
///
/// The count includes the run's documents (steps, inputs, outputs and stored values, which become the result at the
/// end), its progress log, and the text that wf writes around them. Room for required entries is reserved from the
/// start: the start and a short end of every step, and the end of the run. All of the run together therefore stays
/// within the limit, however it ends.
struct RunBudget {
  /// The limits on what steps may return.
  struct Limits {
    var outputBytes: Int
    var runBytes: Int
    var progressEntryBytes: Int
    /// Items of a step with `foreach`.
    var items = Foreach.defaultMaxItems
    /// What an owner's runs may spend in a day on calls of models; nil for any amount.
    var dayCost: Cost?

    /// The limit on the outputs and on the parameters of one step.
    var step: ByteLimit {
      outputBytes <= runBytes
        ? ByteLimit(outputBytes, setting: "WF_MAX_OUTPUT_BYTES") : ByteLimit(runBytes, setting: "WF_MAX_RUN_BYTES")
    }
  }

  let limits: Limits
  /// Bytes of the run's documents, with the names that the result puts before them.
  private(set) var documents: Int
  /// Bytes reserved for required entries.
  private var reserved: Int

  /// The job's times and status, the entries `started` and `finished` or `failed`, the result's own keys.
  private static let runReserve = 1 << 10
  /// Bytes of a message when there is no room for a longer one.
  private static let shortMessage = 100

  init(_ run: ClaimedRun, limits: Limits) {
    self.limits = limits
    documents = run.documentBytes + 2 * run.definition.runName.utf8.count
    reserved = Self.runReserve
    for step in run.definition.steps {
      if run.recorded[step.id] != nil {
        addResultKey(step.id)
      } else if run.ended[step.id] == nil {
        reserved += Self.reserve(for: step)
      }
    }
    for value in run.stored { addPlace(value.namespace) }
  }

  /// The bytes that are left.
  func room(logBytes: Int) -> Int { limits.runBytes - documents - reserved - logBytes }

  /// Takes room for the outputs of a step: in the documents, in the log with its notes, and in the result.
  /// - Parameters:
  ///   - count: bytes of the outputs, or of the value to be stored, as JSON text.
  ///   - logged: bytes of the progress entries that repeat them.
  /// - Returns: why they do not fit; nil when they do.
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

  /// Releases the room of documents that others take the place of.
  mutating func release(_ bytes: Int) { documents -= bytes }

  /// Releases the room that was reserved for a step which has ended.
  mutating func end(_ step: StepDefinition, recorded: Bool) {
    reserved -= Self.reserve(for: step)
    if recorded { addResultKey(step.id) }
  }

  /// Counts the name of a store that a value goes to, which stays with the run.
  mutating func addPlace(_ namespace: String) {
    var counter = JSONByteCounter(left: .max)
    _ = counter.take(string: namespace)
    // Once among the job's fields, once in the result, each with some punctuation and a number.
    documents += 2 * (.max - counter.left) + 16
  }

  /// A failure whose message fits. It is written four times: as the error of the step, in the log and in its end, of
  /// the run, and of the job.
  func fitting(_ failure: StepFailure, logBytes: Int) -> StepFailure {
    var counter = JSONByteCounter(left: .max)
    _ = counter.take(string: failure.message)
    let fits = 4 * (.max - counter.left) <= room(logBytes: logBytes)
    return fits ? failure : failure.cut(toBytes: Self.shortMessage)
  }

  private mutating func addResultKey(_ step: String) { documents += step.utf8.count + 4 }

  /// The step's start, a short end of it, and its key in the result.
  private static func reserve(for step: StepDefinition) -> Int {
    var counter = JSONByteCounter(left: .max)
    _ = counter.take(string: step.op)
    // An id needs no escapes.
    return namelessReserve + 3 * step.id.utf8.count + (.max - counter.left)
  }

  /// The same without the step's id and its quoted operation.
  private static let namelessReserve = {
    let start = ProgressMessage.stepStart(step: "", op: "").byteCount - 2
    let end = ProgressMessage.stepFailed(step: "", StepFailure(.outputTooLarge, "")).byteCount
    return start + end + shortMessage + 4
  }()
}

extension JSONValue {
  /// Whether arrays and objects are nested deeper than a number of levels.
  func isNested(deeperThan levels: Int) -> Bool {
    switch self {
    case .null, .bool, .number, .string: false
    case .array(let elements): levels == 0 || elements.contains { $0.isNested(deeperThan: levels - 1) }
    case .object(let object): levels == 0 || object.members.contains { $0.value.isNested(deeperThan: levels - 1) }
    }
  }
}
