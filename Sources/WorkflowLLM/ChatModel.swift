public import ExactJSON
public import Workflow

/// A language model that answers a conversation.
public protocol ChatModel: Sendable {
  /// The provider's name, as a step's outputs show it.
  var provider: String { get }

  /// Asks the model once or, where the implementation retries, until it gives up.
  /// - Throws: what went wrong for good; `cancelled` when the task was cancelled.
  func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer
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
  /// The sampling temperature.
  public var temperature: Double
  /// The same for every try of the same step, so that a provider may recognise a repeat.
  public var idempotencyKey: String

  /// A question.
  public init(
    model: String? = nil, messages: [Message], maxTokens: Int, temperature: Double, idempotencyKey: String
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
  /// The text of its message.
  public let text: String
  /// The model that the provider says it used.
  public let model: String
  /// The provider's count of tokens, as it wrote it.
  public let usage: JSONValue

  /// An answer.
  public init(text: String, model: String, usage: JSONValue) {
    self.text = text
    self.model = model
    self.usage = usage
  }
}

/// Why a model did not answer.
public enum ModelError: Error, Sendable, Equatable {
  /// The call failed. `isTransient`: the same call may succeed; `retryAfter`: not before, by the provider's word.
  case failed(StepFailure, isTransient: Bool, retryAfter: Duration?)
  /// The task was cancelled; the transfer has been aborted.
  case cancelled
}
