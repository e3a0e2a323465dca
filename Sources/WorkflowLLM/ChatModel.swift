public import ExactJSON

/// A language model that answers a conversation.
public protocol ChatModel: Sendable {
  /// The provider's name, as a step's outputs show it.
  var provider: String { get }

  /// Asks the model once or, where the implementation retries, until it gives up.
  /// - Parameter pause: waits for a time between two tries; it throws when the task was cancelled.
  /// - Throws: what went wrong for good; `cancelled` when the task was cancelled.
  func complete(_ request: ChatRequest, pause: Pause) async throws(ModelError) -> ChatAnswer
}

/// A wait for a time, which ends early with an error when the task is cancelled.
public typealias Pause = @Sendable (Duration) async throws -> Void

extension ChatModel {
  /// Asks the model, with plain sleeps between two tries.
  public func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
    try await complete(request) { try await Task.sleep(for: $0) }
  }
}

/// One question to a model.
public struct ChatRequest: Sendable, Equatable {
  /// Who says a message.
  public enum Role: String, Sendable, Equatable {
    /// The instruction.
    case system
    /// The one who asks.
    case user
    /// The model.
    case assistant
  }

  /// One message of a conversation.
  public struct Message: Sendable, Equatable {
    /// Who says it.
    public let role: Role
    /// What is said.
    public let content: String

    /// A message.
    public init(_ role: Role, _ content: String) {
      self.role = role
      self.content = content
    }
  }

  /// The model's name; nil for the configured one.
  public var model: String?
  /// The conversation.
  public var messages: [Message]
  /// Tokens of the answer at most.
  public var maxTokens: Int
  /// The sampling temperature; nil for the configured one.
  public var temperature: Double?
  /// The same for every try of the same step, so that a provider may recognise a repeat.
  public var idempotencyKey: String
  /// How many times as long as configured the call may take: wider after a timeout.
  public var timeoutFactor = 1
  /// Whether the call needs a connection of its own, because the last one broke or brought no byte.
  public var needsFreshConnection = false

  /// A question.
  public init(
    model: String? = nil, messages: [Message], maxTokens: Int, temperature: Double? = nil,
    idempotencyKey: String
  ) {
    self.model = model
    self.messages = messages
    self.maxTokens = maxTokens
    self.temperature = temperature
    self.idempotencyKey = idempotencyKey
  }
}

/// What a model answered.
public struct ChatAnswer: Sendable, Equatable {
  /// The text of its message, never blank, without its reasoning.
  public let text: String
  /// The model that the provider says it used.
  public let model: String
  /// The provider's count of tokens, as it wrote it.
  public let usage: JSONValue
  /// Why the text ends where it does, in the provider's word: `stop`, or `length` for a text that was cut.
  public let finishReason: String?

  /// An answer.
  public init(text: String, model: String, usage: JSONValue, finishReason: String? = nil) {
    self.text = text
    self.model = model
    self.usage = usage
    self.finishReason = finishReason
  }
}
