public import Workflow

/// The operations that a worker has, by name.
public struct OperationRegistry: Sendable {
  private let operations: [String: any Operation]

  /// A registry; of two operations of one name the later counts, so a package may replace a built-in one.
  public init(_ operations: [any Operation]) {
    self.operations = Dictionary(operations.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
  }

  /// The operation of a name.
  public subscript(name: String) -> (any Operation)? { operations[name] }

  /// The parameters by operation, for the validation of submissions.
  public var schemas: [String: ParameterSchema] { operations.mapValues(\.parameters) }

  /// The operations that every wf has.
  public static func builtIn(summarizer: LLMSummarize) -> [any Operation] {
    [Preprocess(), summarizer, StoreResult()]
  }
}
