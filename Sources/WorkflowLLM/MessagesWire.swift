import ExactJSON

/// Anthropic's messages, which llama.cpp and LiteLLM offer too.
///
/// Source: Anthropic API reference, "Create a Message", "Streaming Messages". What servers do beside it is said at the
/// code that needs it.
struct MessagesWire: WireFormat {
  let provider = "anthropic"
  let path = "/messages"
  let content = "content"
  let tokensParameters = ["max_tokens"]
  let keyHeader = ModelDefinition.KeyHeader.xAPIKey
  let headers = [(name: "anthropic-version", value: "2023-06-01")]

  /// There is no parameter `seed`: llama.cpp ignores it, and LiteLLM refuses it.
  func body(of request: ChatRequest, streams: Bool) -> JSONObject {
    var body = JSONObject()
    if let instructions = request.instructions { body["system"] = .string(instructions) }
    body["messages"] = request.conversation
    if !request.stop.isEmpty { body["stop_sequences"] = .array(request.stop.map { .string($0) }) }
    if let form = request.responseSchema {
      body["output_config"] = ["format": ["type": "json_schema", "schema": form.schema]]
    }
    return body
  }

  func read(_ answer: JSONObject, into completion: inout Completion) {
    completion.take(model: answer["model"])
    completion.merge(usage: answer["usage"])
    if let parts = answer["content"]?.arrayValue {
      completion.hasContent = true
      for part in parts { take(block: part, into: &completion) }
    }
    end(answer, &completion)
  }

  /// `message_start` may be missing (llama.cpp, when the first token is a part of a character), and `ping` may come
  /// before it (LiteLLM).
  func read(event: JSONObject, into completion: inout Completion) {
    switch event["type"]?.stringValue {
    case "content_block_delta":
      completion.hasContent = true
      take(delta: event["delta"]?.objectValue, into: &completion)
    case "content_block_start":
      completion.hasContent = true
      take(block: event["content_block"], into: &completion)
    case "message_start":
      let message = event["message"]?.objectValue
      completion.take(model: message?["model"])
      completion.merge(usage: message?["usage"])
    case "message_delta":
      completion.hasContent = true
      completion.merge(usage: event["usage"])
      if let delta = event["delta"]?.objectValue { end(delta, &completion) }
    case "message_stop": completion.isFinal = true
    default: break
    }
  }

  func addition(in event: inout JSONCursor, to completion: Completion) -> JSONCursor.Text? {
    var text: JSONCursor.Text?
    var (isDelta, isText) = (false, false)
    let isOne = event.object { event, key in
      if key == "type" {
        isDelta = event.string().map { $0 == "content_block_delta" } == true
        return isDelta
      }
      if key == "delta" {
        isText = false
        return text == nil
          && event.object { event, key in
            if key == "type" {
              isText = event.string().map { $0 == "text_delta" } == true
              return isText
            }
            guard key == "text" else { return event.skip() }
            guard text == nil else { return false }
            text = event.string()
            return text != nil
          }
      }
      if key == "error" || key == "object" { return event.literal("null") }
      return event.skip()
    }
    return isOne && isDelta && isText ? text : nil
  }

  /// llama.cpp says `end_turn` and names the stop sequence: either word means that the text is whole.
  private func end(_ body: JSONObject, _ completion: inout Completion) {
    if let reason = body["stop_reason"]?.stringValue, !reason.isEmpty { completion.end(reason) }
  }

  private func take(delta: JSONObject?, into completion: inout Completion) {
    switch delta?["type"]?.stringValue {
    case "text_delta": if let piece = delta?["text"]?.stringValue { completion.add(text: piece) }
    case "thinking_delta": completion.hasReasoning = true
    case "input_json_delta": completion.callsTools = true
    default: break
    }
  }

  private func take(block: JSONValue?, into completion: inout Completion) {
    let block = block?.objectValue
    switch block?["type"]?.stringValue {
    case "text": if let text = block?["text"]?.stringValue { completion.add(text: text) }
    case "thinking", "redacted_thinking": completion.hasReasoning = true
    case "tool_use": completion.callsTools = true
    default: break
    }
  }

  /// `input_tokens` are those that no cache held and that were not written to one.
  func tokens(in usage: JSONObject) -> TokenUsage {
    let cached = usage.count("cache_read_input_tokens")
    let parts = [usage.count("input_tokens"), cached, usage.count("cache_creation_input_tokens")]
    // llama.cpp counts the prompt in `message_start` only, which may be missing.
    let input = parts[0] == nil ? nil : parts.reduce(0) { $0 + ($1 ?? 0) }
    return TokenUsage(input: input, cachedInput: cached, output: usage.count("output_tokens"))
  }
}
