import ExactJSON
import Workflow

extension CompletionReader {
  /// What a completion is: an answer, or why it is none.
  func answer(_ completion: Completion) -> Result<ChatAnswer, Refusal> {
    if let error = completion.error {
      let said = ProviderError(error, hiding: key)
      var failure = ModelFailure(errorIn: response, said)
      failure.count(completion, format)
      // Where something of an answer came before the error, the model was at work.
      if !completion.isUntouched { failure.charge = completion.hasLastCount ? .counted : .unfinished }
      return .failure(Refusal(failure: failure, said: said))
    }
    guard completion.hasContent else {
      let words = ProviderError(in: response, hiding: key).words
      return .failure(
        failure(
          .invalidAnswer, "the model's answer has no \(format.content)", detail: words, isTransient: true,
          after: completion))
    }
    let reason = completion.finishReason.map { StopReason($0) }
    let text = Reasoning.removed(from: completion.text)
    if let refusal = refusal(completion, reason, isBlank: Reasoning.isBlank(text)) { return .failure(refusal) }
    let tokens = completion.usage.objectValue.map(format.tokens) ?? TokenUsage()
    return .success(
      ChatAnswer(
        text: text, model: completion.model ?? model, usage: completion.usage, tokens: tokens,
        finishReason: finishReason(reason, tokens)))
  }

  /// The reason as all wires say it. Some servers say that a text is whole when the limit has cut it (llama.cpp,
  /// transformers and guidellm): the count shows it.
  private func finishReason(_ reason: StopReason?, _ tokens: TokenUsage) -> String? {
    if isCut(reason, tokens) { return "length" }
    return reason == nil ? nil : "stop"
  }

  private func isCut(_ reason: StopReason?, _ tokens: TokenUsage?) -> Bool {
    guard reason == .stop || reason == nil, let limit, let output = tokens?.output else { return reason == .length }
    return output >= limit
  }

  /// Why a text is no answer; nil if it is one.
  private func refusal(_ completion: Completion, _ reason: StopReason?, isBlank: Bool) -> Refusal? {
    let word = completion.finishReason.map(Self.shown) ?? "missing"
    let refusal = ProviderText.line(completion.refusal, hiding: key)
    switch reason {
    case .broken:
      return failure(
        .providerUnavailable, "the model's answer broke off with finish_reason \(word)", isTransient: true,
        after: completion)
    case _ where !refusal.isEmpty:
      return failure(
        .providerRejected, "the model refused to answer", detail: refusal, isTransient: false, after: completion)
    case _ where isBlank: return noText(completion, reason, word)
    case .withheld:
      return failure(
        .providerRejected, "the model's answer was withheld: finish_reason \(word)", isTransient: false,
        after: completion)
    case .tool, .other:
      let what = reason == .tool ? "the model calls a tool" : "the text is not whole"
      return failure(
        .invalidAnswer, "the model's answer cannot be used: finish_reason \(word), \(what)", isTransient: false,
        after: completion)
    case .stop, .length, nil: return nil
    }
  }

  /// A provider's word, if it is one of letters and underscores.
  private static func shown(_ word: String) -> String {
    let isShort = (1...40).contains(word.utf8.count)
    let isPlain = word.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
      default: false
      }
    }
    return isShort && isPlain ? word : "unknown"
  }

  private func noText(_ completion: Completion, _ reason: StopReason?, _ word: String) -> Refusal {
    let code: ErrorCode = reason == .withheld ? .providerRejected : .invalidAnswer
    let facts = facts(completion, reason, word).joined(separator: ", ")
    return failure(code, "the model's answer has no text: " + facts, isTransient: false, after: completion)
  }

  private func facts(_ completion: Completion, _ reason: StopReason?, _ word: String) -> [String] {
    var facts = ["finish_reason \(word)"]
    if let limit { facts.append("max_tokens \(limit)") }
    let tokens = completion.usage.objectValue.map(format.tokens)
    if let count = tokens?.output { facts.append("\(count) tokens of answer") }
    if let count = tokens?.reasoning { facts.append("\(count) tokens of reasoning") }
    if completion.hasReasoning || !Reasoning.isBlank(completion.text) { facts.append("only reasoning came") }
    if completion.callsTools { facts.append("the model calls a tool") }
    if isCut(reason, tokens) { facts.append("raise max_tokens: reasoning has used it up") }
    return facts
  }
}
