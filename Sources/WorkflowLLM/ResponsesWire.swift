import ExactJSON

/// OpenAI's responses, which llama.cpp, LiteLLM, llama-stack and transformers offer too.
///
/// Source: OpenAI API reference, "Create a model response", "The response object", "Streaming events". What servers do
/// beside it is said at the code that needs it.
struct ResponsesWire: WireFormat {
  let provider = "openai"
  let path = "/responses"
  let content = "output"
  let tokensParameters = ["max_output_tokens"]
  /// llama-stack refuses a lower limit, and LiteLLM raises it without a word.
  let fewestTokens = 16

  /// There are no parameters `stop` and `seed`: transformers refuses unknown ones with 422.
  func body(of request: ChatRequest, streams: Bool) -> JSONObject {
    var body = JSONObject()
    if let instructions = request.instructions { body["instructions"] = .string(instructions) }
    body["input"] = request.conversation
    if let form = request.responseSchema {
      body["text"] = ["format": ["type": "json_schema", "name": .string(form.name), "schema": form.schema]]
    }
    return body
  }

  func read(_ answer: JSONObject, into completion: inout Completion) {
    finish(answer, isCompleted: false, into: &completion)
  }

  /// The kind of an event is in its data: transformers, llama-stack and LiteLLM send no `event:` line.
  func read(event: JSONObject, into completion: inout Completion) {
    switch event["type"]?.stringValue {
    case "response.output_text.delta":
      completion.hasContent = true
      if let piece = event["delta"]?.stringValue { completion.add(text: piece) }
    case "response.refusal.delta":
      completion.hasContent = true
      if let piece = event["delta"]?.stringValue { completion.add(refusal: piece) }
    case "response.reasoning_text.delta", "response.reasoning_summary_text.delta":
      (completion.hasContent, completion.hasReasoning) = (true, true)
    case "response.output_item.added": take(item: event["item"], hasText: false, into: &completion)
    case "response.completed", "response.incomplete", "response.failed", "response.cancelled":
      guard let response = event["response"]?.objectValue else { return }
      let isCompleted = event["type"] == "response.completed"
      finish(response, isCompleted: isCompleted, into: &completion)
      if event["type"] == "response.failed", completion.finishReason == nil { completion.end("failed") }
      completion.isFinal = completion.finishReason != nil
    // `response.created` may have a count that was made up (LiteLLM), so none of the others is read.
    default: break
    }
  }

  func addition(in event: inout JSONCursor, to completion: Completion) -> JSONCursor.Text? {
    var text: JSONCursor.Text?
    var isDelta = false
    let isOne = event.object { event, key in
      if key == "type" {
        isDelta = event.string().map { $0 == "response.output_text.delta" } == true
        return isDelta
      }
      if key == "delta" {
        guard text == nil else { return false }
        text = event.string()
        return text != nil
      }
      if key == "error" || key == "object" { return event.literal("null") }
      return event.skip()
    }
    return isOne && isDelta ? text : nil
  }

  /// Reads a response that has ended. Its `status` counts: the event of a cut answer may be named `completed` (LiteLLM,
  /// llmock).
  /// - Parameter isCompleted: what a response without a status means.
  private func finish(_ response: JSONObject, isCompleted: Bool, into completion: inout Completion) {
    completion.take(model: response["model"])
    completion.take(usage: response["usage"])
    if let items = response["output"]?.arrayValue {
      completion.hasContent = true
      // The deltas have said it already, unless the server sends none (llama.cpp, when little was produced).
      let hasText = completion.text.isEmpty
      for item in items { take(item: item, hasText: hasText, into: &completion) }
    }
    switch response["status"]?.stringValue ?? (isCompleted ? "completed" : "") {
    case "completed": completion.end(completion.callsTools ? "tool_calls" : "stop")
    case "incomplete":
      // OpenAI says max_output_tokens, llama-stack length, some nothing.
      completion.end(response["incomplete_details"]?.objectValue?["reason"]?.stringValue ?? "length")
    case "failed":
      completion.take(error: response["error"])
      completion.end("failed")
    case "cancelled": completion.end("cancelled")
    default: break
    }
  }

  private func take(item: JSONValue?, hasText: Bool, into completion: inout Completion) {
    guard let item = item?.objectValue, let type = item["type"]?.stringValue else { return }
    if type.hasSuffix("_call") { completion.callsTools = true }
    if type == "reasoning" { completion.hasReasoning = true }
    guard type == "message", hasText else { return }
    for case .object(let part) in item["content"]?.arrayValue ?? [] {
      if let refusal = part["refusal"]?.stringValue { completion.add(refusal: refusal) }
    }
    completion.add(content: item["content"])
  }

  func tokens(in usage: JSONObject) -> TokenUsage {
    TokenUsage(
      input: usage.count("input_tokens"),
      cachedInput: usage["input_tokens_details"]?.objectValue?.count("cached_tokens"),
      output: usage.count("output_tokens"),
      reasoning: usage["output_tokens_details"]?.objectValue?.count("reasoning_tokens"))
  }
}
