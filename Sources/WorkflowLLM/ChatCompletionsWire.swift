import ExactJSON

/// OpenAI's chat completions, which vLLM, llama.cpp, Ollama, LiteLLM, OpenRouter, Azure and most gateways offer too.
///
/// Source: OpenAI API reference, "Create chat completion", "The chat completion object", "The chat completion chunk
/// object". What servers do beside it is said at the code that needs it.
struct ChatCompletionsWire: WireFormat {
  let provider = "openai"
  let path = "/chat/completions"
  let content = "choices"
  let tokensParameters = TokensParameter.allCases.map(\.rawValue)

  func body(of request: ChatRequest, streams: Bool) -> JSONObject {
    var body: JSONObject = ["messages": .array(request.messages.map(\.json))]
    if !request.stop.isEmpty { body["stop"] = .array(request.stop.map { .string($0) }) }
    if let seed = request.seed { body["seed"] = .number(JSONNumber(seed)) }
    if let form = request.responseSchema {
      body["response_format"] = [
        "type": "json_schema", "json_schema": ["name": .string(form.name), "schema": form.schema],
      ]
    }
    if streams { body["stream_options"] = ["include_usage": true] }
    return body
  }

  func read(_ answer: JSONObject, into completion: inout Completion) {
    take(answer, into: &completion)
    // A whole answer may give its only choice any number.
    guard !completion.hasContent, let choice = answer["choices"]?.arrayValue?.first?.objectValue,
      choice["message"] != nil
    else { return }
    take(choice: choice, into: &completion)
  }

  /// Role chunks may be missing (llama.cpp, guidellm); `usage` may come in any chunk, with or without a choice.
  func read(event: JSONObject, into completion: inout Completion) { take(event, into: &completion) }

  func addition(in event: inout JSONCursor, to completion: Completion) -> JSONCursor.Text? {
    var text: JSONCursor.Text?
    let isOne = event.object { event, key in
      if key == "choices" {
        return text == nil && event.array { event in text == nil && Self.delta(&event, &text) && text != nil }
      }
      if key == "usage" || key == "error" { return event.literal("null") }
      if key == "object" { return event.string().map { $0 == "chat.completion.chunk" } == true }
      return key == "type" || (key == "model" && completion.model == nil) ? false : event.skip()
    }
    return isOne ? text : nil
  }

  /// Reads a choice with nothing but a piece of the first text.
  private static func delta(_ event: inout JSONCursor, _ text: inout JSONCursor.Text?) -> Bool {
    event.object { event, key in
      if key == "delta" {
        return text == nil
          && event.object { event, key in
            if key == "content" {
              guard text == nil else { return false }
              text = event.string()
              return text != nil
            }
            return key == "role" ? event.skip() : event.literal("null")
          }
      }
      if key == "index" { return event.literal("0") }
      if key == "finish_reason" || key == "error" || key == "message" { return event.literal("null") }
      return event.skip()
    }
  }

  private func take(_ body: JSONObject, into completion: inout Completion) {
    completion.take(model: body["model"])
    completion.take(usage: body["usage"])
    // In a stream another number is another text, and some servers send the count of one in the midst of the other.
    for case .object(let choice) in body["choices"]?.arrayValue ?? [] where (choice.count("index") ?? 0) == 0 {
      return take(choice: choice, into: &completion)
    }
  }

  private func take(choice: JSONObject, into completion: inout Completion) {
    completion.hasContent = true
    completion.take(error: choice["error"])
    // transformers has no such key, others have null or "", until the end.
    if let reason = choice["finish_reason"]?.stringValue, !reason.isEmpty, reason != "null" {
      completion.end(reason)
    }
    let delta = choice["delta"]?.objectValue
    var message = delta
    if let whole = choice["message"]?.objectValue {
      // Some servers repeat the message so far beside each delta: it counts where no delta has brought a text.
      let hasText = !completion.text.isEmpty || delta?["content"]?.stringValue?.isEmpty == false
      message = hasText ? delta ?? JSONObject() : whole
    }
    guard let message else {
      // Servers of the older completions protocol have the text in the choice.
      return completion.add(content: choice["text"])
    }
    completion.add(content: message["content"])
    if let piece = message["refusal"]?.stringValue { completion.add(refusal: piece) }
    // Servers name it one way or the other (llama.cpp, vLLM; OpenRouter, Ollama).
    for name in ["reasoning_content", "reasoning"] where message[name]?.stringValue?.isEmpty == false {
      completion.hasReasoning = true
    }
    if message["tool_calls"]?.arrayValue?.isEmpty == false { completion.callsTools = true }
  }

  func tokens(in usage: JSONObject) -> TokenUsage {
    let input = usage.count("prompt_tokens")
    let inputs = usage["prompt_tokens_details"]?.objectValue
    let outputs = usage["completion_tokens_details"]?.objectValue
    let reasoning = outputs?.count("reasoning_tokens") ?? usage.count("reasoning_tokens")
    var output = usage.count("completion_tokens")
    // Grok counts reasoning beside the answer, and says so only by the sum.
    if let input, let answer = output, let reasoning, reasoning > 0,
      usage.count("total_tokens") == input + answer + reasoning
    {
      output = answer + reasoning
    }
    // DeepSeek, Moonshot and LiteLLM have other names.
    let cached =
      inputs?.count("cached_tokens") ?? usage.count("prompt_cache_hit_tokens") ?? usage.count("cached_tokens")
      ?? usage.count("cache_read_input_tokens")
    return TokenUsage(input: input, cachedInput: cached, output: output, reasoning: reasoning)
  }
}
