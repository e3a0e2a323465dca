import ExactJSON

/// An answer as each wire has it, in one piece and as a stream.
struct WireAnswer {
  /// The API that a call was made by.
  enum Wire {
    case chat
    case responses
    case messages

    /// The wire of a path; nil for none.
    init?(path: String) {
      switch path.prefix(while: { $0 != "?" }) {
      case "/v1/chat/completions": self = .chat
      case "/v1/responses": self = .responses
      case "/v1/messages": self = .messages
      default: return nil
      }
    }
  }

  let wire: Wire
  let model: String
  let text: String
  let promptTokens: Int

  private var prompt: JSONValue { .number(JSONNumber(promptTokens)) }
  private var answered: Int { Response.words(text).count }
  private var answer: JSONValue { .number(JSONNumber(answered)) }

  private var usage: JSONValue {
    guard wire == .chat else { return ["input_tokens": prompt, "output_tokens": answer] }
    let total = JSONValue.number(JSONNumber(promptTokens + answered))
    return ["prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": total]
  }

  /// The text in pieces that are joined without anything between.
  private var pieces: [JSONValue] {
    let scalars = Array(text.unicodeScalars)
    return stride(from: 0, to: scalars.count, by: 4).map { start in
      .string(String(String.UnicodeScalarView(scalars[start..<min(start + 4, scalars.count)])))
    }
  }

  /// The answer in one piece.
  var whole: JSONValue {
    switch wire {
    case .chat:
      let message: JSONValue = ["role": "assistant", "content": .string(text)]
      return [
        "id": "chatcmpl-test", "object": "chat.completion", "created": 1_732_387_200, "model": .string(model),
        "choices": [["index": 0, "message": message, "finish_reason": "stop"]], "usage": usage,
      ]
    case .responses: return response
    case .messages:
      return [
        "id": "msg_test", "type": "message", "role": "assistant", "model": .string(model),
        "content": [["type": "text", "text": .string(text)]], "stop_reason": "end_turn", "stop_sequence": nil,
        "usage": usage,
      ]
    }
  }

  private var response: JSONValue {
    let part: JSONValue = ["type": "output_text", "text": .string(text), "annotations": []]
    let item: JSONValue = ["type": "message", "role": "assistant", "status": "completed", "content": [part]]
    return [
      "id": "resp_test", "object": "response", "model": .string(model), "status": "completed", "error": nil,
      "output": [item], "usage": usage,
    ]
  }

  /// The data of the events of a stream.
  var events: [String] {
    switch wire {
    case .chat:
      func chunk(_ delta: JSONValue, _ reason: JSONValue, _ usage: JSONValue = nil) -> String {
        let choice: JSONValue = ["index": 0, "delta": delta, "finish_reason": reason]
        return (["model": .string(model), "choices": [choice], "usage": usage] as JSONValue).text
      }
      return pieces.map { chunk(["content": $0], nil) } + [chunk([:], "stop", usage), "[DONE]"]
    case .responses:
      let deltas = pieces.map { piece -> JSONValue in ["type": "response.output_text.delta", "delta": piece] }
      return (deltas + [["type": "response.completed", "response": response]]).map(\.text)
    case .messages:
      let start: JSONValue = ["model": .string(model), "usage": ["input_tokens": prompt, "output_tokens": 0]]
      let deltas = pieces.map { piece -> JSONValue in
        ["type": "content_block_delta", "index": 0, "delta": ["type": "text_delta", "text": piece]]
      }
      let end: JSONValue = [
        "type": "message_delta", "delta": ["stop_reason": "end_turn"], "usage": ["output_tokens": answer],
      ]
      let events: [JSONValue] =
        [["type": "message_start", "message": start]] + deltas + [end, ["type": "message_stop"]]
      return events.map(\.text)
    }
  }
}
