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
    /// The URL up to and with the version, such as `https://api.openai.com/v1`.
    public var baseURL: String
    /// The model to ask for.
    public var model: String
    /// The key, sent as a bearer token; nil for servers without.
    public var apiKey: String?
    /// How long one call may take.
    public var timeout: Duration
    /// The sampling temperature of a request that names none; nil to leave it to the model.
    public var temperature: Double? = 0.2
    /// The parameter that bounds an answer's tokens; nil to find out which one the model takes.
    public var tokensParameter: TokensParameter?

    /// A configuration.
    public init(baseURL: String, model: String, apiKey: String? = nil, timeout: Duration = .seconds(60)) {
      self.baseURL = baseURL
      self.model = model
      self.apiKey = apiKey
      self.timeout = timeout
    }
  }

  private let client: HTTPClient
  private let configuration: Configuration
  private let url: String
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
    let base = configuration.baseURL
    url = (base.hasSuffix("/") ? String(base.dropLast()) : base) + "/chat/completions"
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
    guard (200...299).contains(response.status), response.status != 204 else {
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
    if let key = configuration.apiKey { headers.append((name: "Authorization", value: "Bearer \(key)")) }
    var call = HTTPRequest(
      method: "POST", url: url, headers: headers, body: body.bytes,
      timeout: configuration.timeout * request.timeoutFactor)
    call.needsFreshConnection = request.needsFreshConnection
    return call
  }
}
