public import Curl
import ExactJSON
import Workflow

/// A model behind OpenAI's chat completions wire, which vLLM, llama.cpp, Ollama, LiteLLM and most gateways speak too.
///
/// One call, no retries. Source: OpenAI API reference, "Create chat completion" (`POST {base}/chat/completions`).
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

  /// The provider's name, as a step's outputs show it.
  public var provider: String { "openai" }

  /// A model called through a client.
  public init(client: HTTPClient, configuration: Configuration) {
    self.client = client
    self.configuration = configuration
    let base = configuration.baseURL
    url = (base.hasSuffix("/") ? String(base.dropLast()) : base) + "/chat/completions"
  }

  /// Calls the model once.
  public func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
    let call = httpRequest(for: request)
    let response: HTTPResponse
    do {
      response = try await client.send(call)
    } catch {
      throw ModelError(error, of: call)
    }
    guard response.status == 200 else { throw ModelError(rejection: response, hiding: configuration.apiKey) }
    return try answer(in: response, to: request)
  }

  private func httpRequest(for request: ChatRequest) -> HTTPRequest {
    let body: JSONValue = [
      "model": .string(request.model ?? configuration.model),
      "messages": .array(
        request.messages.map { ["role": .string($0.role.rawValue), "content": .string($0.content)] }),
      "max_tokens": .number(JSONNumber(request.maxTokens)),
      "temperature": JSONNumber(text: "\(request.temperature)").map(JSONValue.number) ?? .null,
    ]
    var headers = [
      (name: "Content-Type", value: "application/json"), (name: "Accept", value: "application/json"),
      (name: "Idempotency-Key", value: request.idempotencyKey),
    ]
    if let key = configuration.apiKey { headers.append((name: "Authorization", value: "Bearer \(key)")) }
    return HTTPRequest(
      method: "POST", url: url, headers: headers, body: body.bytes, timeout: configuration.timeout)
  }

  private func answer(in response: HTTPResponse, to request: ChatRequest) throws(ModelError) -> ChatAnswer {
    let body: JSONValue
    do {
      body = try JSONValue(parsing: response.body)
    } catch {
      throw .invalidAnswer("the answer is not JSON: \(error)")
    }
    let message = body.objectValue?["choices"]?.arrayValue?.first?.objectValue?["message"]?.objectValue
    guard let text = message?["content"]?.stringValue else {
      throw .invalidAnswer("the answer has no choices[0].message.content")
    }
    let model = body.objectValue?["model"]?.stringValue ?? request.model ?? configuration.model
    return ChatAnswer(text: text, model: model, usage: body.objectValue?["usage"] ?? .null)
  }
}
