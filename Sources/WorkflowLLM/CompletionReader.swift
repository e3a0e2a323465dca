import Curl
import ExactJSON
import Workflow

/// Reads the answer from a response with status 200, or classifies it as a failure.
struct CompletionReader {
  let response: HTTPResponse
  let request: ChatRequest
  /// The model that was called.
  let model: String
  /// The API key, which no message may contain.
  let key: String?

  /// The longest usage, in bytes, that is kept of an answer that cannot be used.
  private static let mostUsageBytes = 4 << 10

  /// The answer, or the failure with the provider's error.
  func read() -> Result<ChatAnswer, Refusal> {
    switch completion() {
    case .failure(let failure): return .failure(failure)
    case .success(let completion): return answer(completion)
    }
  }

  /// A call without a usable answer.
  struct Refusal: Error {
    var failure: ModelFailure
    var said: ProviderError?

    /// Whether servers use its status to refuse a parameter; some use 404 or 500.
    var mayNameParameter: Bool { [400, 404, 422, 500].contains(failure.status ?? 0) }
  }

  private func answer(_ completion: Completion) -> Result<ChatAnswer, Refusal> {
    if let error = completion.error {
      let said = ProviderError(error, hiding: key)
      return .failure(Refusal(failure: ModelFailure(errorIn: response, said, usage: completion.usage), said: said))
    }
    guard completion.hasChoice else {
      let words = ProviderError(in: response, hiding: key).words
      return failure(.invalidAnswer, "the model's answer has no choices", detail: words, isTransient: true)
    }
    let reason = completion.finishReason.flatMap(Self.word)
    if reason == "error" {
      return failure(
        .providerUnavailable, "the model's answer broke off with finish_reason error", isTransient: true,
        usage: completion.usage)
    }
    let text = Reasoning.removed(from: completion.text ?? "")
    guard !Reasoning.isBlank(text) else { return noText(completion, reason) }
    return .success(
      ChatAnswer(text: text, model: completion.model ?? model, usage: completion.usage, finishReason: reason))
  }

  /// A word of the provider that may be shown, of letters and underscores; nil for any other.
  private static func word(_ text: String) -> String? {
    let isShort = (1...40).contains(text.utf8.count)
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
      default: false
      }
    }
    return isShort && isPlain ? text : nil
  }

  private func failure(
    _ code: ErrorCode, _ message: String, detail: String = "", isTransient: Bool, usage: JSONValue = .null
  ) -> Result<ChatAnswer, Refusal> {
    let isShort = usage.bytes.count <= Self.mostUsageBytes
    return .failure(
      Refusal(
        failure: ModelFailure(
          code, message, detail: detail, isTransient: isTransient && response.mayRetry != false,
          status: response.status, retryAfter: RetryAfter.duration(in: response, now: RetryAfter.now()),
          usage: isShort ? usage : .null)))
  }

  // MARK: An answer without text

  private func noText(_ completion: Completion, _ reason: String?) -> Result<ChatAnswer, Refusal> {
    let refusal = ProviderText.line(completion.refusal ?? "", hiding: key)
    if !refusal.isEmpty {
      return failure(
        .providerRejected, "the model refused to answer", detail: refusal, isTransient: false, usage: completion.usage)
    }
    let code: ErrorCode = reason == "content_filter" ? .providerRejected : .invalidAnswer
    let facts = facts(completion, reason)
    return failure(
      code, "the model's answer has no text: " + facts.joined(separator: ", "), isTransient: false,
      usage: completion.usage)
  }

  private func facts(_ completion: Completion, _ reason: String?) -> [String] {
    var facts = ["finish_reason \(reason ?? "missing")", "max_tokens \(request.maxTokens)"]
    let usage = completion.usage.objectValue
    if let count = usage?["completion_tokens"]?.numberValue?.int { facts.append("\(count) tokens of answer") }
    let details = usage?["completion_tokens_details"]?.objectValue
    if let count = (details?["reasoning_tokens"] ?? usage?["reasoning_tokens"])?.numberValue?.int {
      facts.append("\(count) tokens of reasoning")
    }
    if completion.hasReasoning || !Reasoning.isBlank(completion.text ?? "") { facts.append("only reasoning came") }
    if completion.callsTools { facts.append("the model calls a tool") }
    if reason == "length" { facts.append("raise max_tokens") }
    return facts
  }

  // MARK: Parsing the body

  private func completion() -> Result<Completion, Refusal> {
    guard response.body.contains(where: { $0 > 0x20 }) else {
      return transfer("the model's answer is empty")
    }
    let type = response.header("content-type")?.prefix { $0 != ";" && $0 != " " }.lowercased() ?? ""
    let isObject = response.body.first { $0 > 0x20 } == UInt8(ascii: "{")
    if !isObject, type == "text/event-stream" || CompletionStream.isOne(response.body) { return stream() }
    do {
      var completion = Completion()
      completion.take(try JSONValue(leniently: response.body))
      return .success(completion)
    } catch {
      return notJSON(error, type)
    }
  }

  private func stream() -> Result<Completion, Refusal> {
    guard let stream = CompletionStream(response.body) else {
      return transfer("a piece of the model's stream is not JSON")
    }
    if stream.completion.error == nil, !stream.isWhole { return transfer("the model's stream broke off") }
    return .success(stream.completion)
  }

  /// Classifies a body that is not JSON. It is probably from a gateway or a login page, so the failure is transient.
  private func notJSON(_ error: JSONError, _ type: String) -> Result<Completion, Refusal> {
    if isCut(error) { return transfer("the model's answer ends too early") }
    switch error.kind {
    case .tooDeep:
      return transfer("the model's answer cannot be read", code: .invalidAnswer, detail: "\(error)", isTransient: false)
    default:
      let isPage = ["text/html", "text/plain", "text/xml", "application/xml"].contains(type)
      return transfer(
        "the model's answer is \(isPage ? type + ", not JSON" : "no JSON")", code: .invalidAnswer,
        detail: "\(ProviderText.line(ofPage: response.body, hiding: key)) — \(error)")
    }
  }

  /// Whether the text is the beginning of JSON. The cut may be inside a literal, a number, an escape or a character.
  private func isCut(_ error: JSONError) -> Bool {
    if error.kind == .unexpectedEnd { return true }
    let start = response.body.first { $0 > 0x20 }
    guard [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(start), error.kind != .trailingText else { return false }
    return response.body.count - error.offset < 8
  }

  private func transfer(
    _ message: String, code: ErrorCode = .providerUnavailable, detail: String = "", isTransient: Bool = true
  ) -> Result<Completion, Refusal> {
    let result = failure(code, message, detail: detail, isTransient: isTransient)
    guard case .failure(let refusal) = result else { preconditionFailure("a failure is a failure") }
    return .failure(refusal)
  }
}
