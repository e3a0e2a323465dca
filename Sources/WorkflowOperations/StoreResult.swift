import ExactJSON
public import Workflow

/// `store_result`: appends a value to a store of the run and to the public list with the same name.
public struct StoreResult: Operation {
  /// The operation's name.
  public let name = "store_result"
  /// `namespace`: the name of the store; `data`: the value.
  public let parameters = ParameterSchema([
    .init("namespace", .string(maxScalars: 200), default: "default", summary: "the store that the value is added to"),
    .init("data", .any, default: "@llm.summary", summary: "the value"),
  ])
  /// Whether the operation is immediate: the value is written together with the step's outputs.
  public let isImmediate = true

  /// Creates the operation.
  public init() {}

  /// Returns the value, to be stored when the step is recorded.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    .stored(namespace: try invocation.string("namespace"), data: invocation.params["data"] ?? .null)
  }
}
