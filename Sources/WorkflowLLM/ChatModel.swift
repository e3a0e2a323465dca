public import ExactJSON
public import Tracing
public import Workflow

/// A language model.
public protocol ChatModel: Sendable {
  /// The provider's name, as shown in a step's outputs.
  var provider: String { get }

  /// Calls the model once.
  /// - Throws: `failed`; `cancelled` in a cancelled task.
  func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer

  /// Calls the model once, and passes on its text as it comes.
  ///
  /// The text of a call that fails is no answer, although pieces of it were passed on. The pieces together are the
  /// answer's text, except where it turns out to have begun with reasoning that no tag had opened: they have that too.
  /// - Parameter onText: gets the pieces in order, without reasoning. It must not block.
  /// - Throws: `failed`; `cancelled` in a cancelled task.
  func complete(
    _ request: ChatRequest, onText: @escaping @Sendable (String) -> Void
  ) async throws(ModelError) -> ChatAnswer
}

extension ChatModel {
  /// Passes on the whole text at once: for models that have no streams.
  public func complete(
    _ request: ChatRequest, onText: @escaping @Sendable (String) -> Void
  ) async throws(ModelError) -> ChatAnswer {
    let answer = try await complete(request)
    onText(answer.text)
    return answer
  }
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

  /// The form of an answer.
  public struct ResponseSchema: Sendable, Equatable {
    /// The name that is sent to the provider: letters, digits, `_` and `-`.
    public var name: String
    /// A JSON Schema.
    public var schema: JSONValue

    /// Creates a form.
    public init(name: String, schema: JSONValue) {
      self.name = name
      self.schema = schema
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
  /// Texts at which the answer ends, without them; OpenAI's responses have no parameter for that.
  public var stop: [String] = []
  /// Makes answers repeatable as far as the provider can; only chat completions have a parameter for that.
  public var seed: Int?
  /// The form that the answer's text should have. It is only asked for: some servers ignore it, and models that refuse
  /// it are called without it, so the text must be validated.
  public var responseSchema: ResponseSchema?
  /// The same for every call of a step, so that a provider can recognise a repeated one.
  public var idempotencyKey: String
  /// The trace of the call; nil where there is none.
  public var trace: ActiveTrace?
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
  /// The same count in one form for all providers.
  public let tokens: TokenUsage
  /// The reason for the end of the text: `stop`, or `length` for a text that was cut; nil if the provider does not say.
  public let finishReason: String?
  /// Whether it was the answer to an earlier call.
  public var isCached = false

  /// Creates an answer.
  public init(
    text: String, model: String, usage: JSONValue, tokens: TokenUsage = TokenUsage(), finishReason: String? = nil
  ) {
    self.text = text
    self.model = model
    self.usage = usage
    self.tokens = tokens
    self.finishReason = finishReason
  }
}
