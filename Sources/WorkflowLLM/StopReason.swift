/// Why a model's text has ended, by the words of all wires and of servers that have their own.
enum StopReason: Equatable {
  /// The text is whole.
  case stop
  /// The text was cut at a limit.
  case length
  /// The provider, or the model, withholds the rest.
  case withheld
  /// The model calls a tool and waits for what that returns.
  case tool
  /// The text broke off.
  case broken
  /// None of these: the text is not taken for a whole one.
  case other

  private static let words: [StopReason: [String]] = [
    // OpenAI; Hugging Face's TGI and Together; Anthropic; Cohere and others.
    .stop: [
      "stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed", "finished", "done", "end",
    ],
    // OpenAI's chat and responses; Anthropic; Mistral.
    .length: [
      "length", "max_tokens", "max_output_tokens", "model_length", "max_length", "model_context_window_exceeded",
    ],
    // OpenAI; Anthropic; Google; Zhipu.
    .withheld: ["content_filter", "refusal", "safety", "recitation", "prohibited_content", "blocklist", "sensitive"],
    .tool: ["tool_calls", "function_call", "tool_use"],
    // OpenRouter; vLLM; DeepSeek; Zhipu; OpenAI's responses.
    .broken: [
      "error", "abort", "aborted", "insufficient_system_resource", "network_error", "cancelled", "failed",
    ],
  ]

  private static let byWord = Dictionary(
    uniqueKeysWithValues: words.flatMap { reason, words in words.map { ($0, reason) } })

  /// Reads a provider's word, in any case.
  init(_ word: String) { self = Self.byWord[word.lowercased()] ?? .other }
}
