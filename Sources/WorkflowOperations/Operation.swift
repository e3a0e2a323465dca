public import ExactJSON
public import Workflow

/// What a step does. An operation is one type; a worker has those of its ``OperationRegistry``.
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
  /// The name that a step's `op` gives.
  var name: String { get }

  /// The parameters, their types and defaults. A default that is a reference is a dependency of the step.
  var parameters: ParameterSchema { get }

  /// Whether the operation computes at once and touches nothing outside: it then runs without a word to Redis before
  /// it, and its start and end are recorded together, on a thread that other runs wait for. An operation that waits,
  /// calls out, computes for more than a millisecond or may crash must say no.
  var isImmediate: Bool { get }

  /// Runs the operation once. A cancelled task should throw `StepError.cancelled` soon.
  func run(_ invocation: Invocation) async throws(StepError) -> OperationResult
}

extension Operation {
  /// No operation is taken to be immediate unless it says so.
  public var isImmediate: Bool { false }
}

/// What an operation is given.
public struct Invocation: Sendable {
  /// The run's id.
  public let job: String
  /// The step's id.
  public let step: String
  /// The step's parameters: defaults filled in, references resolved, types checked.
  public let params: JSONObject
  /// The run's inputs.
  public let inputs: JSONObject
  /// Waits for a time, for an operation that tries again later: meanwhile the run takes no place of another. It throws when
  /// the run is to stop.
  public var pause: @Sendable (Duration) async throws -> Void

  /// What an operation is given.
  public init(
    job: String, step: String, params: JSONObject, inputs: JSONObject,
    pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.pause = pause
    self.job = job
    self.step = step
    self.params = params
    self.inputs = inputs
  }

  /// The same for every attempt of this step; to be sent along with every outgoing request that has an effect.
  public var idempotencyKey: String { "\(job)/\(step)" }

  /// A parameter that must be a text.
  public func string(_ name: String) throws(StepError) -> String {
    guard let text = params[name]?.stringValue else {
      let found = params[name]?.typeName ?? "nothing"
      throw .failed(StepFailure(.operationFailed, "\(name) must be a string; \(found) is there"))
    }
    return text
  }
}

/// What an operation returns.
public enum OperationResult: Sendable {
  /// Outputs, and notes for the run's progress log.
  case outputs(JSONObject, notes: [ProgressMessage] = [])
  /// A value to be appended to a store; the outputs are `stored_under` and `items`, counted when it is recorded.
  case stored(namespace: String, data: JSONValue)
}

/// Why an operation returned nothing.
public enum StepError: Error, Sendable, Equatable {
  /// It failed.
  case failed(StepFailure)
  /// Its task was cancelled; what it had under way is aborted.
  case cancelled
}
