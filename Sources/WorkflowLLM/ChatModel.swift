public import ExactJSON
public import Workflow

/// A language model.
public protocol ChatModel: Sendable {
  /// The provider's name, as shown in a step's outputs.
  var provider: String { get }

  /// Calls the model once.
  /// - Throws: `failed`; `cancelled` in a cancelled task.
  func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer
}

/// A request to a model.
public struct ChatRequest: Sendable, Equatable {
  /// The author of a message.
  public enum Role: String, Sendable, Equatable {
    /// The instruction to the model.
    case system
    /// The user.
    case user
    /// The model.
    case assistant
  }

  /// One message of a conversation.
  public struct Message: Sendable, Equatable {
    /// The author.
    public let role: Role
    /// The text.
    public let content: String

    /// Creates a message.
    public init(_ role: Role, _ content: String) {
      self.role = role
      self.content = content
    }
  }

  /// The model's name; nil for the configured one.
  public var model: String?
  /// The conversation.
  public var messages: [Message]
  /// The most tokens of the answer.
  public var maxTokens: Int
  /// The sampling temperature; nil for the configured one.
  public var temperature: Double?
  /// The same for every call of a step, so that a provider can recognise a repeated one.
  public var idempotencyKey: String
  /// A factor of the configured timeout; it grows after a timeout.
  public var timeoutFactor = 1
  /// Whether the call needs a new connection, because the last one failed or delivered no byte.
  public var needsFreshConnection = false

  /// Creates a request.
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

extension ChatRequest {
  /// The largest factor of the configured timeout, which doubles after each timeout.
  private static let widestTimeout = 4

  /// Adapts the call to the failed attempts before it.
  public mutating func adapt(to earlier: StepAttempts) {
    timeoutFactor = min(Self.widestTimeout, 1 << min(earlier.timeouts, 4))
    needsFreshConnection = earlier.needsFreshConnection
  }
}

/// The answer of a model.
public struct ChatAnswer: Sendable, Equatable {
  /// The text of the message without reasoning; never blank.
  public let text: String
  /// The model that answered, by the provider's name.
  public let model: String
  /// The provider's count of tokens, unchanged.
  public let usage: JSONValue
  /// The provider's reason for the end of the text: `stop`, or `length` for a text that was cut.
  public let finishReason: String?

  /// Creates an answer.
  public init(text: String, model: String, usage: JSONValue, finishReason: String? = nil) {
    self.text = text
    self.model = model
    self.usage = usage
    self.finishReason = finishReason
  }
}
