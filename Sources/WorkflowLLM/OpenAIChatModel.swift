public import Curl
import ExactJSON
import Workflow

/// A model behind OpenAI's chat completions wire, which vLLM, llama.cpp, Ollama, LiteLLM and most gateways speak too.
///
/// One question, without retries: a call is repeated only in another form, where the model refuses a parameter.
/// Source: OpenAI API reference, "Create chat completion" (`POST {base}/chat/completions`).
public struct OpenAIChatModel: ChatModel {
  /// Where and as whom to call.
  public struct Configuration: Sendable {
    /// Where completions are posted.
    public var url: CompletionsURL
    /// The model to ask for.
    public var model: String
    /// The key; nil for servers without.
    public var apiKey: String?
    /// The header that carries the key.
    public var keyScheme = KeyScheme.bearer
    /// How long one call may take.
    public var timeout: Duration
    /// The sampling temperature of a request that names none; nil to leave it to the model.
    public var temperature: Double? = 0.2
    /// The parameter that bounds an answer's tokens; nil to find out which one the model takes.
    public var tokensParameter: TokensParameter?

    /// A configuration.
    public init(url: CompletionsURL, model: String, apiKey: String? = nil, timeout: Duration = .seconds(60)) {
      self.url = url
      self.model = model
      self.apiKey = apiKey
      self.timeout = timeout
    }
  }

  /// How a key is sent.
  public enum KeyScheme: String, Sendable {
    /// `Authorization: Bearer`, as OpenAI and most others want it.
    case bearer
    /// `api-key`, as Azure wants it.
    case apiKey = "api-key"
  }

  private let client: HTTPClient
  private let configuration: Configuration
  private let forms: RequestForms
  private let log: ModelLog?

  /// The provider's name, as a step's outputs show it.
  public var provider: String { "openai" }

  /// A model called through a client.
  /// - Parameter log: is told of parameters that the model refuses.
  public init(client: HTTPClient, configuration: Configuration, log: ModelLog? = nil) {
    self.client = client
    self.configuration = configuration
    self.log = log
    forms = RequestForms(first: RequestForm(tokens: configuration.tokensParameter ?? .maxTokens))
  }

  /// Calls the model once, and once more in another form for each parameter that it refuses.
  public func complete(_ request: ChatRequest, pause: Pause) async throws(ModelError) -> ChatAnswer {
    let model = request.model ?? configuration.model
    let first = forms[model]
    var form = first
    while true {
      let outcome = try await call(request, model, form)
      if form != first, forms.remember(form, instead: first, of: model, after: outcome) {
        log?.adapted(model, form.difference(from: first))
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
      (name: "Content-Type", value: "application/json"), (name: "Accept", value: "application/json"),
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
