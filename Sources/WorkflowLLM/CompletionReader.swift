import Curl
import ExactJSON
import Workflow

/// Makes an answer or a failure of what came with a status of success.
struct CompletionReader {
  /// Status and headers, and the body unless it was read as a stream.
  var response: HTTPResponse
  let format: any WireFormat
  /// The model that was called.
  let model: String
  /// The limit of tokens that was asked for; nil for none.
  let limit: Int?
  /// The API key, which no message may contain.
  let key: String?

  /// A call without a usable answer. A class, because it is large and rare beside an answer.
  final class Refusal: Error {
    let failure: ModelFailure
    let said: ProviderError?
    /// Whether a part of a text was passed on: the call cannot be made again in another form.
    let hasShownText: Bool

    init(failure: ModelFailure, said: ProviderError? = nil, hasShownText: Bool = false) {
      self.failure = failure
      self.said = said
      self.hasShownText = hasShownText
    }

    /// Whether servers use its status to refuse a parameter; some use 404 or 500.
    var mayNameParameter: Bool { !hasShownText && [400, 404, 422, 500].contains(failure.status ?? 0) }
  }

  /// The answer, or the failure with the provider's error, of the body.
  func read() -> Result<ChatAnswer, Refusal> {
    switch completion() {
    case .failure(let failure): .failure(failure)
    case .success(let completion): answer(completion)
    }
  }

  /// The same of a stream that is over.
  func read(_ stream: CompletionStream) -> Result<ChatAnswer, Refusal> {
    switch completion(stream) {
    case .failure(let failure): .failure(failure)
    case .success(let completion): answer(completion)
    }
  }

  /// A failure that has the count of what came before it.
  func failure(
    _ code: ErrorCode, _ message: String, detail: String = "", isTransient: Bool, after completion: Completion? = nil,
    _ charge: ModelFailure.Charge = .counted
  ) -> Refusal {
    var failure = ModelFailure(
      code, message, detail: detail, isTransient: isTransient && response.mayRetry != false,
      status: response.status, retryAfter: RetryAfter.duration(in: response, now: RetryAfter.now()))
    failure.charge = charge
    if let completion { failure.count(completion, format) }
    return Refusal(failure: failure)
  }

  // MARK: Parsing

  /// Whether a body begins as a JSON object, which is no stream whatever its type says.
  static func isObject(_ body: [UInt8]) -> Bool { body.first { $0 > 0x20 } == UInt8(ascii: "{") }

  private func completion() -> Result<Completion, Refusal> {
    guard response.body.contains(where: { $0 > 0x20 }) else {
      return .failure(transfer("the model's answer is empty"))
    }
    if !Self.isObject(response.body), response.isEventStream || CompletionStream.isOne(response.body) {
      var stream = CompletionStream(format)
      stream.take(response.body)
      stream.finish()
      return completion(stream)
    }
    do {
      var completion = Completion()
      completion.take(answer: try JSONValue(leniently: response.body), of: format)
      return .success(completion)
    } catch {
      return .failure(notJSON(error))
    }
  }

  private func completion(_ stream: CompletionStream) -> Result<Completion, Refusal> {
    let completion = stream.completion
    switch stream.fault {
    case .malformed: return .failure(transfer("a piece of the model's stream is not JSON", after: completion))
    case .tooLong:
      let message = "the model's answer is larger than \(CompletionStream.mostBytes) bytes"
      return .failure(failure(.invalidAnswer, message, isTransient: false, after: completion, .unfinished))
    case nil: break
    }
    if stream.isEnded { return .success(completion) }
    let isEmpty = !stream.hasEvents
    return .failure(
      transfer(isEmpty ? "the model's answer is empty" : "the model's stream broke off", after: completion))
  }

  /// Classifies a body that is not JSON. It is probably from a gateway or a login page, so the failure is transient.
  private func notJSON(_ error: JSONError) -> Refusal {
    if isCut(error) { return transfer("the model's answer ends too early") }
    guard case .tooDeep = error.kind else {
      let type = response.mediaType
      let isPage = ["text/html", "text/plain", "text/xml", "application/xml"].contains(type)
      return failure(
        .invalidAnswer, "the model's answer is \(isPage ? type + ", not JSON" : "no JSON")",
        detail: "\(ProviderText.line(ofPage: response.body, hiding: key)) — \(error)", isTransient: true)
    }
    return failure(.invalidAnswer, "the model's answer cannot be read", detail: "\(error)", isTransient: false)
  }

  /// Whether the text is the beginning of JSON. The cut may be inside a literal, a number, an escape or a character.
  private func isCut(_ error: JSONError) -> Bool {
    if error.kind == .unexpectedEnd { return true }
    let start = response.body.first { $0 > 0x20 }
    guard [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(start), error.kind != .trailingText else { return false }
    return response.body.count - error.offset < 8
  }

  private func transfer(_ message: String, after completion: Completion? = nil) -> Refusal {
    failure(.providerUnavailable, message, isTransient: true, after: completion, .unfinished)
  }
}

extension HTTPResponse {
  /// The type of the body, in lower case and without parameters; empty if it is missing.
  var mediaType: String { header("content-type")?.prefix { $0 != ";" && $0 != " " }.lowercased() ?? "" }

  /// Whether the body is a stream of events, by its type: what was asked for does not decide (transformers streams when
  /// it was not asked to, and gateways answer in one piece when they were).
  var isEventStream: Bool { mediaType == "text/event-stream" }
}

extension ModelFailure {
  /// The longest usage, in bytes, that is kept of an answer that cannot be used.
  private static let mostUsageBytes = 4 << 10

  /// Takes the count of what the provider has said.
  mutating func count(_ completion: Completion, _ format: any WireFormat) {
    if completion.usage.bytes.count <= Self.mostUsageBytes { usage = completion.usage }
    tokens = completion.usage.objectValue.map(format.tokens) ?? TokenUsage()
  }
}
