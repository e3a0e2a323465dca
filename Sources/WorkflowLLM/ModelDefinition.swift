/// A model that steps can name: how it is called, and what its calls may cost.
public struct ModelDefinition: Sendable {
  /// The API that a model is called by.
  public enum Wire: String, Sendable, CaseIterable {
    /// OpenAI's chat completions (`POST {base}/chat/completions`), which most servers and gateways offer.
    case chatCompletions = "openai-chat"
    /// OpenAI's responses (`POST {base}/responses`).
    case responses = "openai-responses"
    /// Anthropic's messages (`POST {base}/messages`).
    case messages = "anthropic-messages"
  }

  /// What a provider takes for a million tokens, in one currency for all models.
  public struct Prices: Sendable, Equatable {
    /// Tokens of the prompt that no cache held.
    public var input: Double
    /// Tokens of the prompt that the provider's cache held; nil for the price of the others.
    public var cachedInput: Double?
    /// Tokens of the answer, those of reasoning included.
    public var output: Double

    /// Creates prices.
    public init(input: Double, cachedInput: Double? = nil, output: Double) {
      self.input = input
      self.cachedInput = cachedInput
      self.output = output
    }
  }

  /// What all workers together may ask of a model; nil for no limit.
  public struct Limits: Sendable, Equatable {
    /// Calls at the same time.
    public var concurrentCalls: Int?
    /// Calls a minute.
    public var requestsPerMinute: Int?
    /// Tokens a minute, of prompts and answers.
    public var tokensPerMinute: Int?

    /// Creates limits; without arguments none.
    public init(concurrentCalls: Int? = nil, requestsPerMinute: Int? = nil, tokensPerMinute: Int? = nil) {
      self.concurrentCalls = concurrentCalls
      self.requestsPerMinute = requestsPerMinute
      self.tokensPerMinute = tokensPerMinute
    }
  }

  /// The name by which steps select it.
  public var name: String
  /// The API that it is called by.
  public var wire: Wire
  /// The base URL, such as `https://api.openai.com/v1`; each wire adds its path.
  public var baseURL: String
  /// The provider's name of the model.
  public var model: String
  /// The API key; nil for none.
  public var apiKey: String?
  /// The header for the key; nil for the wire's own: `Authorization: Bearer`, or `x-api-key` with Anthropic's messages.
  public var keyHeader: KeyHeader?
  /// The timeout of a call.
  public var timeout = Duration.seconds(60)
  /// The longest silence between two events of a stream, comments and pings included; nil for none but `timeout`.
  public var idleTimeout: Duration?
  /// The sampling temperature of requests without one; nil for the model's default.
  public var temperature: Double?
  /// The parameter for the most tokens of an answer with chat completions; nil to find out which one the model accepts.
  public var tokensParameter: TokensParameter?
  /// Whether answers may be asked for as streams.
  public var streams = true
  /// Parameters that the model refuses and that are never sent, such as `temperature` or `max_tokens`.
  public var refusedParameters: Set<String> = []
  /// The tokens of a prompt and its answer together; nil where it is not known.
  public var contextTokens: Int?
  /// The highest `max_tokens` of a step; nil for the setting's.
  public var maxTokens: Int?
  /// What all workers together may ask of it.
  public var limits = Limits()
  /// What its tokens cost; nil where no price is known.
  public var prices: Prices?

  /// The header in which a key is sent.
  public enum KeyHeader: String, Sendable, CaseIterable {
    /// `Authorization: Bearer`.
    case bearer
    /// `api-key`, for Azure.
    case apiKey = "api-key"
    /// `x-api-key`, for Anthropic.
    case xAPIKey = "x-api-key"
  }

  /// Creates a definition.
  public init(name: String, wire: Wire, baseURL: String, model: String) {
    self.name = name
    self.wire = wire
    self.baseURL = baseURL
    self.model = model
  }
}
