public import Curl
import ExactJSON
import Tracing
import Workflow

/// A model that is called over one of the wires: OpenAI's chat completions or responses, or Anthropic's messages.
///
/// It does not retry: a call is only repeated in another form if the model refuses a parameter.
public struct WireModel: ChatModel {
  private let client: HTTPClient
  private let definition: ModelDefinition
  private let format: any WireFormat
  private let url: Result<WireURL, WireURL.Invalid>
  private let forms: RequestForms
  private let log: ModelLog?

  /// The provider's name, as shown in a step's outputs.
  public var provider: String { format.provider }

  /// Creates a model that is called with a client. A base URL that cannot be used makes each call fail.
  /// - Parameter log: logs parameters that the model refuses.
  public init(client: HTTPClient, definition: ModelDefinition, log: ModelLog? = nil) {
    self.client = client
    self.definition = definition
    self.log = log
    format = definition.wire.format
    url = Result { () throws(WireURL.Invalid) in try WireURL(base: definition.baseURL, wire: definition.wire) }
    forms = RequestForms(first: RequestForm(definition))
  }

  /// Calls the model once, and again in another form for each parameter that it refuses.
  public func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
    try await tracedAnswer(request, onText: nil)
  }

  /// Calls the model once as a stream, and again in another form for each parameter that it refuses before any text. A
  /// model that has no streams passes on its text at once.
  public func complete(
    _ request: ChatRequest, onText: @escaping @Sendable (String) -> Void
  ) async throws(ModelError) -> ChatAnswer {
    try await tracedAnswer(request, onText: onText)
  }

  private func tracedAnswer(
    _ request: ChatRequest, onText: (@Sendable (String) -> Void)?
  ) async throws(ModelError) -> ChatAnswer {
    guard let trace = request.trace, trace.isRecorded else { return try await answer(request, onText: onText) }
    let span = ModelSpan(request, definition, provider: provider)
    do throws(ModelError) {
      let answer = try await answer(request, onText: onText)
      span.end(with: answer, in: trace)
      return answer
    } catch {
      span.end(with: error, in: trace)
      throw error
    }
  }

  private func answer(
    _ request: ChatRequest, onText: (@Sendable (String) -> Void)?
  ) async throws(ModelError) -> ChatAnswer {
    let model = request.model ?? definition.model
    let first = forms[model]
    var form = first
    while true {
      let streams = form.streams(asked: onText != nil)
      let body = form.body(
        of: request, model: model, temperature: request.temperature ?? definition.temperature, streams: streams, format)
      let call = try httpRequest(for: request, body, streams: streams)
      let outcome = try await send(call, form.limit(of: request, format), model, streams: streams, onText)
      if form != first, forms.remember(form, instead: first, of: model, after: outcome) {
        log?.adapted(model, form.difference(from: first), isUnlimited: form.tokens.isEmpty)
      }
      switch outcome {
      case .success(let answer): return answer
      case .failure(let refusal):
        guard let next = form.changed(by: refusal, of: body) else { throw .failed(refusal.failure) }
        form = next
      }
    }
  }

  private func send(
    _ call: HTTPRequest, _ limit: Int?, _ model: String, streams: Bool, _ onText: (@Sendable (String) -> Void)?
  ) async throws(ModelError) -> Result<ChatAnswer, CompletionReader.Refusal> {
    let key = definition.apiKey
    func reader(_ response: HTTPResponse) -> CompletionReader {
      CompletionReader(response: response, format: format, model: model, limit: limit, key: key)
    }
    let response: HTTPResponse
    if streams {
      let streamed = try await attempt(call) { () async throws(HTTPError) in try await client.stream(call) }
      let head = HTTPResponse(status: streamed.status, headers: streamed.headers)
      if head.isSuccess, head.isEventStream {
        let reading = StreamReading(body: streamed.body, stream: CompletionStream(format, onText: onText))
        return try await reading.read(reader(head), call)
      }
      response = try await attempt(call) { () async throws(HTTPError) in
        try await streamed.collected(atMost: HTTPRequest.mostBytes)
      }
    } else {
      response = try await attempt(call) { () async throws(HTTPError) in try await client.send(call) }
    }
    guard response.isSuccess else {
      let said = ProviderError(in: response, hiding: key)
      return .failure(.init(failure: ModelFailure(rejection: response, said, hiding: key), said: said))
    }
    let outcome = reader(response).read()
    if let onText, case .success(let answer) = outcome { onText(answer.text) }
    return outcome
  }

  private func attempt<Value>(
    _ call: HTTPRequest, _ body: () async throws(HTTPError) -> Value
  ) async throws(ModelError) -> Value {
    do { return try await body() } catch { throw ModelError(error, of: call) }
  }

  // MARK: Requests

  private func httpRequest(
    for request: ChatRequest, _ body: JSONObject, streams: Bool
  ) throws(ModelError) -> HTTPRequest {
    let url: WireURL
    switch self.url {
    case .success(let valid): url = valid
    case .failure(let fault):
      throw .failed(
        ModelFailure(
          .providerRejected, "the URL of the model cannot be used", detail: fault.description, isTransient: false))
    }
    var headers = [
      (name: "Content-Type", value: "application/json"),
      (name: "Accept", value: streams ? "text/event-stream" : "application/json"),
      (name: "Idempotency-Key", value: request.idempotencyKey),
    ]
    headers += format.headers + (request.trace?.context.headers ?? [])
    if let key = definition.apiKey { headers.append((definition.keyHeader ?? format.keyHeader).header(key)) }
    var call = HTTPRequest(
      method: "POST", url: url.text, headers: headers, body: JSONValue.object(body).bytes,
      timeout: definition.timeout * request.timeoutFactor)
    call.needsFreshConnection = request.needsFreshConnection
    if streams {
      call.idleTimeout = definition.idleTimeout.map { $0 * request.timeoutFactor }
      call.gathersBody = true
      call.maxResponseBytes = HTTPRequest.mostStreamBytes(tokens: request.maxTokens)
    }
    return call
  }
}

extension ModelDefinition.KeyHeader {
  /// The header with a key.
  fileprivate func header(_ key: String) -> (name: String, value: String) {
    switch self {
    case .bearer: ("Authorization", "Bearer \(key)")
    case .apiKey, .xAPIKey: (rawValue, key)
    }
  }
}

extension HTTPRequest {
  /// The most bytes of a body in one piece.
  fileprivate static let mostBytes = 10 << 20

  /// The most bytes of a stream: events repeat much beside each token, and there may be comments. Only the texts are
  /// kept, whose size is limited separately.
  fileprivate static func mostStreamBytes(tokens: Int) -> Int {
    mostBytes + min(max(tokens, 0), 100_000) * 2_048
  }
}

extension HTTPResponse {
  /// Whether the status is one of success.
  fileprivate var isSuccess: Bool { (200...299).contains(status) }
}

extension HTTPStreamingResponse {
  /// The whole response.
  /// - Throws: `tooLarge` after so many bytes.
  fileprivate func collected(atMost limit: Int) async throws(HTTPError) -> HTTPResponse {
    var iterator = body.makeAsyncIterator()
    var bytes: [UInt8] = []
    while let piece = try await iterator.next() {
      bytes += piece
      if bytes.count > limit {
        body.cancel()
        throw .tooLarge(limit: limit)
      }
    }
    return HTTPResponse(status: status, headers: headers, body: bytes)
  }
}
