import ExactJSON

/// The parameter for the most tokens of an answer.
public enum TokensParameter: String, Sendable, CaseIterable {
  /// Known to all servers except OpenAI's reasoning models.
  case maxTokens = "max_tokens"
  /// Required by OpenAI's reasoning models.
  case maxCompletionTokens = "max_completion_tokens"
}

/// The form of requests to a model: models differ in the parameters that they accept.
struct RequestForm: Equatable {
  /// The parameter for the most tokens; nil for a model that accepts neither.
  var tokens: TokensParameter?
  var sendsTemperature = true
  /// Whether the instruction is a separate message; else it is the beginning of the user's message.
  var hasSystemMessage = true

  init(tokens: TokensParameter) { self.tokens = tokens }

  /// The body of a request.
  func body(of request: ChatRequest, model: String, temperature: Double?) -> JSONValue {
    var body: JSONObject = [
      "model": .string(model),
      "messages": .array(
        messages(of: request).map { ["role": .string($0.role.rawValue), "content": .string($0.content)] }),
    ]
    if let tokens { body[tokens.rawValue] = .number(JSONNumber(request.maxTokens)) }
    if sendsTemperature, let temperature, let number = JSONNumber(text: "\(temperature)") {
      body["temperature"] = .number(number)
    }
    // Some servers stream by default.
    body["stream"] = false
    return .object(body)
  }

  private func messages(of request: ChatRequest) -> [ChatRequest.Message] {
    guard !hasSystemMessage else { return request.messages }
    let instructions = request.messages.filter { $0.role == .system }.map(\.content)
    var others = request.messages.filter { $0.role != .system }
    guard !instructions.isEmpty else { return others }
    let head = instructions.joined(separator: "\n\n")
    if let first = others.firstIndex(where: { $0.role == .user }) {
      others[first] = .init(.user, head + "\n\n" + others[first].content)
    } else {
      others.insert(.init(.user, head), at: 0)
    }
    return others
  }

  /// The differences of another form, for the log.
  func difference(from other: RequestForm) -> String {
    var parts: [String] = []
    if let old = other.tokens, tokens != old {
      parts.append(tokens.map { "\($0.rawValue) in place of \(old.rawValue)" } ?? "no limit of tokens")
    }
    if sendsTemperature != other.sendsTemperature { parts.append("no temperature") }
    if hasSystemMessage != other.hasSystemMessage { parts.append("the instruction in the user's message") }
    return parts.joined(separator: ", ")
  }

  // MARK: Refused parameters

  /// The form without the part that the provider refuses; nil if it refuses none that can be omitted. Each part changes
  /// at most once, except that the parameter for tokens is omitted if its other name is refused too.
  func changed(
    by refusal: CompletionReader.Refusal, after first: RequestForm, canChooseTokens: Bool
  ) -> RequestForm? {
    guard let said = refusal.said, refusal.mayNameParameter else { return nil }
    let complaint = Complaint(said)
    var form = self
    if canChooseTokens, let tokens, complaint.refuses(tokens.rawValue) {
      let other: TokensParameter = tokens == .maxTokens ? .maxCompletionTokens : .maxTokens
      form.tokens = tokens == first.tokens ? other : nil
    }
    if sendsTemperature, complaint.refuses("temperature") { form.sendsTemperature = false }
    if hasSystemMessage, complaint.refusesSystemMessages { form.hasSystemMessage = false }
    return form == self ? nil : form
  }
}

/// Finds the parameter that a provider's error refuses. An error about a value out of range is not a refusal.
private struct Complaint {
  private let text: String
  private let parameter: String?

  init(_ said: ProviderError) {
    text = ([said.words.lowercased()] + said.codes).joined(separator: " ")
    parameter = said.parameter
  }

  private static let refusals = [
    "not support", "n't support", "unsupported", "no longer support", "not enabled", "not allowed", "not permitted",
    "not accept", "unexpected", "unknown", "unrecogni", "extra_forbidden", "extra inputs", "deprecated",
    "only the default", "is allowed", "is supported", "instead", "must not be", "cannot be", "can't be",
    "may only be", "incompatible", "not compatible", "been removed", "must be 1 for",
  ]

  private var isRefusal: Bool { Self.refusals.contains { text.contains($0) } }

  func refuses(_ name: String) -> Bool { (parameter == name || text.contains(name)) && isRefusal }

  var refusesSystemMessages: Bool {
    let sentences = [
      "roles must alternate", "developer instruction is not enabled", "'user' or 'assistant'",
      "user and assistant roles", "invalid role: system",
    ]
    if sentences.contains(where: { text.contains($0) }) { return true }
    return isRefusal && text.contains("system")
      && ["role", "message", "instruction", "prompt"].contains { text.contains($0) }
  }
}
