import ExactJSON
public import Workflow

/// `store_result`: appends a value to a store of the run, and to the public list of the same name.
public struct StoreResult: Operation {
  /// The operation's name.
  public let name = "store_result"
  /// `namespace`: the store; `data`: the value.
  public let parameters = ParameterSchema([
    .init("namespace", .string(maxScalars: 200), default: "default"),
    .init("data", .any, default: "@llm.summary"),
  ])
  /// The store is written together with the step's record.
  public let isImmediate = true

  /// The operation.
  public init() {}

  /// Returns the value to be stored.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    .stored(namespace: try invocation.string("namespace"), data: invocation.params["data"] ?? .null)
  }
}
