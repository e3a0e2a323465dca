public import Curl
import ExactJSON
import Workflow

/// A model behind OpenAI's chat completions API, which vLLM, llama.cpp, Ollama, LiteLLM and most gateways offer too.
///
/// It does not retry: a call is only repeated in another form if the model refuses a parameter.
/// Source: OpenAI API reference, "Create chat completion" (`POST {base}/chat/completions`).
public struct OpenAIChatModel: ChatModel {
  /// The URL, the key and the defaults of calls.
  public struct Configuration: Sendable {
    /// The URL to which completions are posted.
    public var url: CompletionsURL
    /// The model's name.
    public var model: String
    /// The API key; nil for none.
    public var apiKey: String?
    /// The header for the key.
    public var keyScheme = KeyScheme.bearer
    /// The timeout of one call.
    public var timeout: Duration
    /// The sampling temperature of requests without one; nil for the model's default.
    public var temperature: Double? = 0.2
    /// The parameter for the most tokens of an answer; nil to find out which one the model accepts.
    public var tokensParameter: TokensParameter?

    /// Creates a configuration.
    public init(url: CompletionsURL, model: String, apiKey: String? = nil, timeout: Duration = .seconds(60)) {
      self.url = url
      self.model = model
      self.apiKey = apiKey
      self.timeout = timeout
    }
  }

  /// The header in which the key is sent.
  public enum KeyScheme: String, Sendable {
    /// `Authorization: Bearer`, for OpenAI and most others.
    case bearer
    /// `api-key`, for Azure.
    case apiKey = "api-key"
  }

  private let client: HTTPClient
  private let configuration: Configuration
  private let forms: RequestForms
  private let log: ModelLog?

  /// The provider's name, as shown in a step's outputs.
  public var provider: String { "openai" }

  /// Creates a model that is called with a client.
  /// - Parameter log: logs parameters that the model refuses.
  public init(client: HTTPClient, configuration: Configuration, log: ModelLog? = nil) {
    self.client = client
    self.configuration = configuration
    self.log = log
    forms = RequestForms(first: RequestForm(tokens: configuration.tokensParameter ?? .maxTokens))
  }

  /// Calls the model once, and again in another form for each parameter that it refuses.
  public func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
    let model = request.model ?? configuration.model
    let first = forms[model]
    var form = first
    while true {
      let outcome = try await call(request, model, form)
      if form != first, forms.remember(form, instead: first, of: model, after: outcome) {
        log?.adapted(model, form.difference(from: first), isUnlimited: form.tokens == nil)
      }
      switch outcome {
      case .success(let answer): return answer
      case .failure(let refusal):
        let canChooseTokens = configuration.tokensParameter == nil
        guard let next = form.changed(by: refusal, after: first, canChooseTokens: canChooseTokens) else {
          throw .failed(refusal.failure)
        }
        form = next
      }
    }
  }

  private func call(
    _ request: ChatRequest, _ model: String, _ form: RequestForm
  ) async throws(ModelError) -> Result<ChatAnswer, CompletionReader.Refusal> {
    let call = httpRequest(for: request, model, form)
    let response: HTTPResponse
    do {
      response = try await client.send(call)
    } catch {
      throw ModelError(error, of: call)
    }
    guard (200...299).contains(response.status) else {
      let said = ProviderError(in: response, hiding: configuration.apiKey)
      return .failure(.init(failure: ModelFailure(rejection: response, said, hiding: configuration.apiKey), said: said))
    }
    return CompletionReader(response: response, request: request, model: model, key: configuration.apiKey).read()
  }

  private func httpRequest(for request: ChatRequest, _ model: String, _ form: RequestForm) -> HTTPRequest {
    let body = form.body(of: request, model: model, temperature: request.temperature ?? configuration.temperature)
    var headers = [
      (name: "Content-Type", value: "application/json"),
      (name: "Accept", value: form.streams == true ? "text/event-stream" : "application/json"),
      (name: "Idempotency-Key", value: request.idempotencyKey),
    ]
    if let key = configuration.apiKey {
      switch configuration.keyScheme {
      case .bearer: headers.append((name: "Authorization", value: "Bearer \(key)"))
      case .apiKey: headers.append((name: "api-key", value: key))
      }
    }
    var call = HTTPRequest(
      method: "POST", url: configuration.url.text, headers: headers, body: body.bytes,
      timeout: configuration.timeout * request.timeoutFactor)
    call.needsFreshConnection = request.needsFreshConnection
    return call
  }
}
