import ExactJSON
import Workflow
import WorkflowLLM

/// What a step of `llm_summarize` asks of a model, by its parameters.
struct SummaryRequest: Sendable {
  /// The instruction.
  let instruction: String
  /// The most tokens of a summary.
  let limit: Int
  private let temperature: Double?
  /// Tokens of text that the step allows in a call; nil where it does not say.
  private let chunkTokens: Int?

  /// Tokens that are left for what a provider writes around the messages.
  private static let overhead = 100

  /// Reads the parameters.
  init(_ params: JSONObject) {
    limit = params["max_tokens"]?.numberValue?.int ?? 120
    temperature = params["temperature"]?.numberValue?.double
    chunkTokens = params["chunk_tokens"]?.numberValue?.int
    instruction = params["prompt"]?.stringValue ?? Self.instruction(params)
  }

  /// The instruction of a step without `prompt`.
  private static func instruction(_ params: JSONObject) -> String {
    let count = params["sentences"]?.numberValue?.int ?? 2
    let sentences = count == 1 ? "1 sentence" : "\(count) sentences"
    let language = params["language"]?.stringValue.map { " Write in this language: \($0)." } ?? ""
    return "Summarise the user's text in \(sentences).\(language)"
  }

  /// The request to a model.
  /// - Parameter note: what the prompt says of the text besides the instruction.
  func request(to model: ChatModels.Named, key: String, _ text: String, note: String? = nil) -> ChatRequest {
    let words = note.map { "\(instruction)\n\n\($0)" } ?? instruction
    return ChatRequest(
      model: model.requestedModel, messages: [.init(.system, words), .init(.user, text)],
      maxTokens: limit(of: model), temperature: temperature, idempotencyKey: key)
  }

  /// The most tokens of a summary by a model.
  func limit(of model: ChatModels.Named) -> Int { min(limit, model.maxTokens ?? limit) }

  /// How many tokens of text a call of a model may have; nil where nothing is known of that.
  func room(of model: ChatModels.Named) -> Int? {
    let ofContext = model.contextTokens.map { context in
      context - limit(of: model) - TokenEstimate(instruction).tokens - Self.overhead
    }
    return [chunkTokens, ofContext].compactMap(\.self).min()
  }
}

/// An estimate of the tokens of a text, higher than most tokenizers count: a text that is taken for too long costs a
/// call more, but one that is taken for short is refused by the provider.
struct TokenEstimate {
  /// The tokens.
  let tokens: Int
  /// Bytes in UTF-8 that count as one token: 3 for texts that are nearly all ASCII, of which English has 4 and code
  /// about 3, and 2 for others.
  let bytesPerToken: Int

  /// Estimates the tokens of a text.
  init(_ text: String) {
    let ascii = text.utf8.count { $0 < 0x80 }
    bytesPerToken = ascii * 10 >= text.utf8.count * 9 ? 3 : 2
    tokens = (text.utf8.count + bytesPerToken - 1) / bytesPerToken
  }
}
