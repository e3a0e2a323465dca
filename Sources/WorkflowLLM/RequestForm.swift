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
  /// Whether the answer is to come as a stream; nil for a server that does not know the parameter. Without it some
  /// servers stream.
  var streams: Bool? = false

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
    if let streams { body["stream"] = .bool(streams) }
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
    if streams != other.streams { parts.append(streams == nil ? "no parameter stream" : "a stream") }
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
    let complaint = ParameterRefusal(said)
    var form = self
    if canChooseTokens, let tokens, complaint.refuses(tokens.rawValue) {
      let other: TokensParameter = tokens == .maxTokens ? .maxCompletionTokens : .maxTokens
      form.tokens = tokens == first.tokens ? other : nil
    }
    if sendsTemperature, complaint.refuses("temperature") { form.sendsTemperature = false }
    if hasSystemMessage, complaint.refusesSystemMessages { form.hasSystemMessage = false }
    if streams == false {
      if complaint.demandsStream { form.streams = true } else if complaint.refuses("stream") { form.streams = nil }
    }
    return form == self ? nil : form
  }
}
