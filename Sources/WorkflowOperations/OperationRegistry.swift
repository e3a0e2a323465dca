public import Workflow

/// The operations of a worker, by name.
public struct OperationRegistry: Sendable {
  private let operations: [String: any Operation]

  /// Creates a registry. Of two operations with the same name the later one counts, so a package can replace a built-in
  /// one.
  public init(_ operations: [any Operation]) {
    self.operations = Dictionary(operations.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
  }

  /// The operation with a name; nil when there is none.
  public subscript(name: String) -> (any Operation)? { operations[name] }

  /// The names of all operations.
  public var names: Set<String> { Set(operations.keys) }

  /// The parameters of each operation, for the validation of submissions.
  public var schemas: [String: ParameterSchema] { operations.mapValues(\.parameters) }

  /// The operations that every installation has.
  /// - Parameters:
  ///   - chat: `llm_chat` with its models; nil where there are none: there is no placeholder.
  ///   - requests: `http_request` with what it may reach; by default it may reach nothing.
  public static func builtIn(
    summarizer: LLMSummarize, chat: LLMChat? = LLMChat(), requests: SendHTTPRequest = SendHTTPRequest()
  ) -> [any Operation] {
    let chats: [any Operation] = chat.map { [$0] } ?? []
    return [Preprocess(), summarizer] + chats + [StoreResult(), SplitText(), Combine(), requests]
  }
}
