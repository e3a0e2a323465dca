import ExactJSON

/// The parameter for the most tokens of an answer with chat completions.
public enum TokensParameter: String, Sendable, CaseIterable {
  /// Known to all servers except OpenAI's reasoning models.
  case maxTokens = "max_tokens"
  /// Required by OpenAI's reasoning models.
  case maxCompletionTokens = "max_completion_tokens"
}

/// The form of requests to a model: models differ in the parameters that they accept.
struct RequestForm: Equatable {
  /// How the parameter `stream` is sent.
  enum Streaming: Equatable {
    /// As it is asked for. Without the parameter some servers stream (transformers).
    case asAsked
    /// Always true, for a model that answers in a stream only.
    case always
    /// Always false, for a model that has no streams.
    case never
    /// Not at all, for a server that does not know it.
    case unnamed
  }

  /// Parameters that are left out where a model refuses them. Any other is needed for what was asked.
  private static let dispensable = [
    "temperature", "seed", "stream_options", "response_format", "text", "output_config",
  ]

  /// The parameters for the most tokens that may be sent; the first one is.
  var tokens: [String]
  /// Whether the parameter for tokens is found out; Anthropic's messages need theirs.
  private let findsTokens: Bool
  /// Parameters that are not sent.
  var omitted: Set<String>
  /// Whether the instruction is a separate message; else it is the beginning of the user's message.
  var hasSystemMessage = true
  var streaming = Streaming.asAsked

  /// The form for a model of which nothing is known but its definition.
  init(_ definition: ModelDefinition) {
    let format = definition.wire.format
    let named = definition.wire == .chatCompletions ? definition.tokensParameter.map { [$0.rawValue] } : nil
    tokens = (named ?? format.tokensParameters).filter { !definition.refusedParameters.contains($0) }
    findsTokens = definition.wire == .chatCompletions && named == nil
    omitted = definition.refusedParameters
    if !definition.streams { streaming = .never }
    if omitted.contains("stream") { streaming = .unnamed }
  }

  /// Whether an answer is asked for as a stream.
  func streams(asked: Bool) -> Bool { streaming == .always || (streaming == .asAsked && asked) }

  /// The limit of tokens that is sent; nil for none.
  func limit(of request: ChatRequest, _ format: any WireFormat) -> Int? {
    tokens.isEmpty ? nil : max(request.maxTokens, format.fewestTokens)
  }

  /// The body of a request.
  func body(
    of request: ChatRequest, model: String, temperature: Double?, streams: Bool, _ format: any WireFormat
  ) -> JSONObject {
    var request = request
    // A conversation of instructions alone is none.
    if !hasSystemMessage || !request.messages.contains(where: { $0.role != .system }) { request.mergeInstructions() }
    var body: JSONObject = ["model": .string(model)]
    for member in format.body(of: request, streams: streams).members { body[member.key] = member.value }
    if let name = tokens.first, let limit = limit(of: request, format) { body[name] = .number(JSONNumber(limit)) }
    if let temperature, let number = JSONNumber(text: "\(temperature)") { body["temperature"] = .number(number) }
    if streaming != .unnamed { body["stream"] = .bool(streams) }
    for name in omitted where body[name] != nil { body[name] = nil }
    return body
  }

  /// The differences of another form, for the log.
  func difference(from other: RequestForm) -> String {
    var parts: [String] = []
    if tokens != other.tokens, let old = other.tokens.first {
      parts.append(tokens.first.map { "\($0) in place of \(old)" } ?? "no limit of tokens")
    }
    parts += omitted.subtracting(other.omitted).sorted().map { "no \($0)" }
    if streaming != other.streaming {
      switch streaming {
      case .asAsked: break
      case .always: parts.append("a stream")
      case .never: parts.append("no stream")
      case .unnamed: parts.append("no parameter stream")
      }
    }
    if hasSystemMessage != other.hasSystemMessage { parts.append("the instruction in the user's message") }
    return parts.joined(separator: ", ")
  }

  // MARK: Refused parameters

  /// The form without the part that the provider refuses; nil if it refuses none that can be omitted. No part that was
  /// omitted comes back, so that the calls end.
  /// - Parameter sent: the body that was refused.
  func changed(by refusal: CompletionReader.Refusal, of sent: JSONObject) -> RequestForm? {
    guard let said = refusal.said, refusal.mayNameParameter else { return nil }
    let complaint = ParameterRefusal(said)
    var form = self
    if findsTokens, let name = tokens.first, complaint.refuses(name) { form.tokens.removeFirst() }
    for name in Self.dispensable where sent[name] != nil && complaint.refuses(name) { form.omitted.insert(name) }
    if hasSystemMessage, complaint.refusesSystemMessages { form.hasSystemMessage = false }
    switch sent["stream"] {
    case .bool(true) where streaming == .asAsked && complaint.refuses("stream"): form.streaming = .never
    case .bool(false) where streaming == .asAsked && complaint.demandsStream: form.streaming = .always
    case .bool(false) where complaint.refuses("stream"): form.streaming = .unnamed
    default: break
    }
    return form == self ? nil : form
  }
}

extension ChatRequest {
  /// Moves the instructions to the beginning of the user's message.
  fileprivate mutating func mergeInstructions() {
    guard let head = instructions else { return }
    messages.removeAll { $0.role == .system }
    if let first = messages.firstIndex(where: { $0.role == .user }) {
      messages[first] = .init(.user, head + "\n\n" + messages[first].content)
    } else {
      messages.insert(.init(.user, head), at: 0)
    }
  }
}
