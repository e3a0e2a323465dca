public import ExactJSON
public import Tracing
public import Workflow

/// The work of a step. Each operation is a type; an ``OperationRegistry`` holds the operations of a worker.
///
/// ```swift
/// struct Shout: Operation {
///   let name = "shout"
///   let parameters = ParameterSchema([.init("text", .string(), default: "@inputs.text")])
///   func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
///     .outputs(["text": .string(try invocation.string("text").uppercased())])
///   }
/// }
/// ```
public protocol Operation: Sendable {
  /// The name by which a step's `op` selects the operation.
  var name: String { get }

  /// The parameters with their types and defaults. A default that is a reference is a dependency of the step.
  var parameters: ParameterSchema { get }

  /// Whether the operation only computes, for less than a millisecond on 32 KiB of documents. It then runs in place, on
  /// a thread that other runs wait for, and its start and end are recorded together. A run with larger documents
  /// (`Claimer.shortRun`) starts in the pool anyway. Must be false for an operation that waits, calls another service,
  /// computes for longer or may crash.
  var isImmediate: Bool { get }

  /// When failed attempts are repeated, unless a step's `retry` says otherwise.
  var retryPolicy: RetryPolicy { get }

  /// Whether the operation records parts of a step while it runs (``StepParts``), and finds those of earlier attempts.
  var recordsParts: Bool { get }

  /// Whether the operation may make calls of models, whose usage the status of its runs shows.
  var callsModels: Bool { get }

  /// Runs the operation once. When the task is cancelled, it should throw `StepError.cancelled` soon.
  func run(_ invocation: Invocation) async throws(StepError) -> OperationResult

  /// The other way in which a step that has failed continues, once it is not attempted any more as it was; nil where
  /// there is none.
  ///
  /// The attempts of each way count for themselves. The change is recorded before the first attempt in the new way, so
  /// a step that a crash interrupts continues in it: `earlier` of its invocation names it.
  func alternative(after failure: StepFailure, _ invocation: Invocation) -> Alternative?

  /// The result of a step that has failed and is not attempted again; nil where it fails.
  func fallback(after failure: StepFailure, _ invocation: Invocation) -> OperationResult?
}

extension Operation {
  /// An operation is not immediate by default.
  public var isImmediate: Bool { false }

  /// An operation records no parts by default.
  public var recordsParts: Bool { false }

  /// An operation calls no models by default.
  public var callsModels: Bool { false }

  /// An operation has one attempt by default.
  public var retryPolicy: RetryPolicy { .none }

  /// There is one way to run an operation by default.
  public func alternative(after failure: StepFailure, _ invocation: Invocation) -> Alternative? { nil }

  /// A step that has failed is failed by default.
  public func fallback(after failure: StepFailure, _ invocation: Invocation) -> OperationResult? { nil }
}

/// Another way to do the work of a step, such as another model.
public struct Alternative: Sendable {
  /// Its name among those of the step, by which it is recorded (``Workflow/StepAttempts/alternative``).
  public var name: String
  /// Failed attempts after which a step continues in it, unless the step's `retry` says how many may fail.
  public var attempts: Int
  /// How long a service may refuse for too many requests before a step continues in it.
  public var longestRefusal: Duration
  /// What the progress log says of the change, by the failure of the last attempt before it.
  public var note: @Sendable (StepFailure) -> ProgressMessage

  /// Creates an alternative.
  public init(
    name: String, attempts: Int, longestRefusal: Duration, note: @escaping @Sendable (StepFailure) -> ProgressMessage
  ) {
    self.name = name
    self.attempts = attempts
    self.longestRefusal = longestRefusal
    self.note = note
  }

  /// What is left of a policy for the attempts before the change.
  public func bounding(_ policy: RetryPolicy) -> RetryPolicy {
    var policy = policy
    if policy.maxAttempts == nil { policy.maxAttempts = attempts }
    policy.longestRefusal = longestRefusal
    return policy
  }
}

/// The arguments of an operation.
public struct Invocation: Sendable {
  /// The run's id.
  public let job: String
  /// The step's id.
  public let step: String
  /// The position of the item that the step runs for, from 0; nil for a step that runs once.
  public let item: Int?
  /// The step's parameters: defaults filled in, references resolved, types checked.
  public let params: JSONObject
  /// The run's inputs.
  public let inputs: JSONObject
  /// The bytes that the outputs may take as JSON text; what is larger is refused. An operation whose outputs can be
  /// much larger than its parameters counts them while it builds them.
  public let outputLimit: ByteLimit
  /// How often the run was run again after it had ended.
  public let generation: Int
  /// Takes the text that a model is writing, piece by piece, for those who follow the run; nil where the run cannot be
  /// followed. It changes nothing of the step's outputs.
  public var onText: (@Sendable (String) -> Void)?
  /// Through which it makes calls of models; nil where nothing limits or counts them.
  public var account: (any ModelAccount)?
  /// The id of the request that submitted the run, for log lines; nil where it is not known.
  public var request: String?
  /// The trace of the attempt: its headers go with each request to another service; nil where there is none.
  public var trace: ActiveTrace?
  /// What is recorded of parts of the step, and records others.
  public var parts = StepParts()
  private let attempts: OutOfLine<StepAttempts>?

  /// The failed attempts of the step before this one; nil at the first.
  public var earlier: StepAttempts? { attempts?.value }

  /// Creates the arguments.
  public init(
    job: String, step: String, item: Int? = nil, params: JSONObject, inputs: JSONObject,
    outputLimit: ByteLimit = ByteLimit(.max, setting: "WF_MAX_OUTPUT_BYTES"), earlier: StepAttempts? = nil,
    generation: Int = 0
  ) {
    self.generation = generation
    attempts = earlier.map { OutOfLine($0) }
    self.outputLimit = outputLimit
    self.job = job
    self.step = step
    self.item = item
    self.params = params
    self.inputs = inputs
  }

  /// A key that is the same for every attempt of this step, or of this item of it, until the run has ended and is run
  /// again; send it with every request that has
  /// an effect elsewhere.
  public var idempotencyKey: String {
    "\(job)/\(step)" + (generation > 0 ? "@\(generation)" : "") + (item.map { "/\($0)" } ?? "")
  }

  /// The number of the attempt, from 1.
  public var attempt: Int { (attempts?.value.failed ?? 0) + 1 }

  /// The value of a parameter that must be a string.
  /// - Throws: `operation_failed` when it is missing or of another type.
  public func string(_ name: String) throws(StepError) -> String {
    guard let text = params[name]?.stringValue else {
      let found = params[name]?.typeName ?? "nothing"
      throw .failed(StepFailure(.operationFailed, "\(name) must be a string; \(found) is there"))
    }
    return text
  }
}

/// The result of an operation.
public enum OperationResult: Sendable {
  /// Outputs, and further entries for the run's progress log.
  case outputs(JSONObject, notes: [ProgressMessage] = [])
  /// A value to be appended to a store; the outputs are `stored_under` and `items`, counted when it is recorded.
  case stored(namespace: String, data: JSONValue)
}

/// Why an operation returned no result.
public enum StepError: Error, Sendable, Equatable {
  /// The operation failed.
  case failed(StepFailure)
  /// The task was cancelled, and the operation has aborted its work.
  case cancelled
}
