import Curl
import ExactJSON
import Tracing
import Workflow

/// One call of a model over its wire, made again in another form for each parameter that the model refuses.
///
/// It is a class, so that what a call needs is in memory once, and not again in the frame of each function that waits
/// for the answer; for the same reason functions that compute are not inlined into those that wait. One task uses it.
final class WireCall {
  private let wire: WireModel
  private let request: ChatRequest
  /// The span of the call; nil where none is written.
  private let span: ModelSpan?
  private let onText: (@Sendable (String) -> Void)?
  /// The model, by the provider's name.
  private let model: String
  private let first: RequestForm
  private var form: RequestForm
  /// The members of the request in the current form.
  private var members: JSONObject
  /// The request in the current form.
  private var http: HTTPRequest
  private var streams: Bool

  /// Prepares a call.
  /// - Throws: `failed` for a URL that cannot be used.
  @inline(never)
  init(_ wire: WireModel, _ request: ChatRequest, onText: (@Sendable (String) -> Void)?) throws(ModelError) {
    self.wire = wire
    self.request = request
    span = request.trace?.isRecorded == true ? ModelSpan(request, wire.definition, provider: wire.provider) : nil
    self.onText = onText
    model = request.model ?? wire.definition.model
    first = wire.forms[model]
    form = first
    (members, http, streams) = try wire.httpRequest(of: request, model: model, in: form, isShown: onText != nil)
  }

  /// Makes the call, and writes its span.
  func answer() async throws(ModelError) -> ChatAnswer {
    do throws(ModelError) {
      let answer = try await repeatedly()
      if let trace = request.trace { span?.end(with: answer, in: trace) }
      return answer
    } catch {
      if let trace = request.trace { span?.end(with: error, in: trace) }
      throw error
    }
  }

  private func repeatedly() async throws(ModelError) -> ChatAnswer {
    while true {
      if let answer = try conclude(try await send()) { return answer }
    }
  }

  /// The answer of an outcome; nil where the call is to be made again, in a form that the model may accept.
  @inline(never)
  private func conclude(
    _ outcome: Result<ChatAnswer, CompletionReader.Refusal>
  ) throws(ModelError) -> ChatAnswer? {
    if form != first, wire.forms.remember(form, instead: first, of: model, after: outcome) {
      wire.log?.adapted(model, form.difference(from: first), isUnlimited: form.tokens.isEmpty)
    }
    switch outcome {
    case .success(let answer): return answer
    case .failure(let refusal):
      guard let next = form.changed(by: refusal, of: members) else { throw .failed(refusal.failure) }
      form = next
      (members, http, streams) = try wire.httpRequest(of: request, model: model, in: form, isShown: onText != nil)
      return nil
    }
  }

  /// Makes the call once.
  @inline(never)
  private func send() async throws(ModelError) -> Result<ChatAnswer, CompletionReader.Refusal> {
    let streamed = try await opened()
    guard streams, let reading = reading(streamed) else { return read(try await collected(streamed)) }
    return try await reading.read()
  }

  /// The reading of a response that is a stream; nil for any other.
  @inline(never)
  private func reading(_ streamed: HTTPStreamingResponse) -> StreamReading? {
    let head = HTTPResponse(status: streamed.status, headers: streamed.headers)
    guard head.isSuccess, head.isEventStream else { return nil }
    let stream = CompletionStream(wire.format, onText: onText)
    return StreamReading(body: streamed.body, stream: stream, reader(head), http)
  }

  @inline(never)
  private func opened() async throws(ModelError) -> HTTPStreamingResponse {
    do { return try await wire.client.stream(http) } catch { throw ModelError(error, of: http) }
  }

  @inline(never)
  private func collected(_ streamed: HTTPStreamingResponse) async throws(ModelError) -> HTTPResponse {
    do { return try await streamed.collected(atMost: HTTPRequest.mostBytes) } catch {
      throw ModelError(error, of: http, status: streamed.status)
    }
  }

  private func reader(_ response: HTTPResponse) -> CompletionReader {
    CompletionReader(
      response: response, format: wire.format, model: model, limit: form.limit(of: request, wire.format),
      key: wire.definition.apiKey)
  }

  @inline(never)
  private func read(_ response: HTTPResponse) -> Result<ChatAnswer, CompletionReader.Refusal> {
    guard response.isSuccess else {
      let said = ProviderError(in: response, hiding: wire.definition.apiKey)
      return .failure(
        .init(failure: ModelFailure(rejection: response, said, hiding: wire.definition.apiKey), said: said))
    }
    let outcome = reader(response).read()
    if let onText, case .success(let answer) = outcome { onText(answer.text) }
    return outcome
  }
}

extension WireModel {
  /// The request of a call in a form: its members, and as it is sent.
  fileprivate func httpRequest(
    of request: ChatRequest, model: String, in form: RequestForm, isShown: Bool
  ) throws(ModelError) -> (members: JSONObject, http: HTTPRequest, streams: Bool) {
    let streams = form.streams(asked: isShown)
    let members = form.body(
      of: request, model: model, temperature: request.temperature ?? definition.temperature, streams: streams, format)
    var headers = [
      (name: "Content-Type", value: "application/json"),
      (name: "Accept", value: streams ? "text/event-stream" : "application/json"),
      (name: "Idempotency-Key", value: request.idempotencyKey),
    ]
    headers += format.headers + (request.trace?.context.headers ?? [])
    if let key = definition.apiKey { headers.append((definition.keyHeader ?? format.keyHeader).header(key)) }
    var http = HTTPRequest(
      method: "POST", url: try urlText(), headers: headers, body: JSONValue.object(members).bytes,
      timeout: definition.timeout * request.timeoutFactor)
    http.needsFreshConnection = request.needsFreshConnection
    if streams {
      http.idleTimeout = definition.idleTimeout.map { $0 * request.timeoutFactor }
      http.gathersBody = true
      http.maxResponseBytes = HTTPRequest.mostStreamBytes(tokens: request.maxTokens)
    }
    return (members, http, streams)
  }

  private func urlText() throws(ModelError) -> String {
    do throws(WireURL.Invalid) { return try url.get().text } catch {
      var failure = ModelFailure(
        .providerRejected, "the URL of the model cannot be used", detail: error.description, isTransient: false)
      failure.charge = .none
      throw .failed(failure)
    }
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
  /// - Throws: `tooLarge` after this number of bytes.
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
