import ModelServer
import Workflow
import WorkflowLLM

extension WireCase {
  private static let wire = ModelDefinition.Wire.messages
  private static let llama = "llama.cpp (xllamacpp 2026.10.11549)"
  private static let litellm = "LiteLLM 1.108.7"

  private static func start(_ usage: String) -> String {
    #"{"type":"message_start","message":{"id":"msg_1","type":"message","model":"m","content":[],"usage":{\#(usage)}}}"#
  }
  private static func delta(_ text: String) -> String {
    #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\#(text)"}}"#
  }
  private static func end(_ reason: String = "end_turn", _ usage: String = #""output_tokens":3"#) -> String {
    #"{"type":"message_delta","delta":{"stop_reason":"\#(reason)","stop_sequence":null},"usage":{\#(usage)}}"#
  }
  private static let stop = #"{"type":"message_stop"}"#

  /// Anthropic's messages.
  static let messages: [WireCase] = [
    .init(
      wire, "Anthropic", "every event; the prompt counted in the first, the answer in the last",
      [
        start(#""input_tokens":36,"cache_read_input_tokens":64,"cache_creation_input_tokens":10,"output_tokens":1"#),
        #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#, #"{"type":"ping"}"#,
        delta("A "), delta("bay."), #"{"type":"content_block_stop","index":0}"#, end(), stop,
      ], .answer("A bay.", tokens: [110, 64, 3, nil])),
    .init(
      wire, llama, "no message_start, and with it no count of the prompt", [delta("é"), end(), stop],
      .answer("é", tokens: [nil, nil, 3, nil])),
    .init(
      wire, litellm, "ping before message_start, all counts 0 there, and the true ones at the end",
      [
        #"{"type":"ping"}"#, start(#""input_tokens":0,"output_tokens":0,"cache_read_input_tokens":0"#), delta("A"),
        end("end_turn", #""input_tokens":36,"output_tokens":3,"cache_read_input_tokens":64"#), stop,
      ], .answer("A", tokens: [100, 64, 3, nil])),
    .init(
      wire, litellm, "a count of 0 at the end after the true one at the beginning",
      [start(#""input_tokens":36"#), delta("A"), end("end_turn", #""input_tokens":0,"output_tokens":3"#), stop],
      .answer("A", tokens: [36, nil, 3, nil])),
    .init(
      wire, litellm, "pieces of the upstream, which end inside events and characters",
      raw: .pieces([
        .bytes(StreamText(StreamText([start(#""input_tokens":9"#), delta("Åå"), end(), stop]).body, size: 7).response)
      ]), .answer("Åå", tokens: [9, nil, 3, nil])),
    .init(
      wire, llama, "end_turn for a stop sequence",
      [
        delta("A b"),
        #"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":"a"},"usage":{"output_tokens":3}}"#,
        stop,
      ], .answer("A b", tokens: [nil, nil, 3, nil])),
    .init(
      wire, "Anthropic", "a stop sequence", [delta("A b"), end("stop_sequence"), stop],
      .answer("A b", tokens: [nil, nil, 3, nil])),
    .init(
      wire, "Anthropic", "the limit of tokens", [delta("A b"), end("max_tokens"), stop],
      .answer("A b", reason: "length", tokens: [nil, nil, 3, nil])),
    .init(
      wire, "Anthropic", "the end of the context", [delta("A b"), end("model_context_window_exceeded"), stop],
      .answer("A b", reason: "length", tokens: [nil, nil, 3, nil])),
    .init(
      wire, "Anthropic", "a turn that is paused", [delta("A b"), end("pause_turn"), stop],
      .failure(.invalidAnswer, again: false, tokens: [nil, nil, 3, nil], says: "pause_turn")),
    .init(
      wire, "Anthropic", "a refusal in the midst of the text", [delta("A b"), end("refusal"), stop],
      .failure(.providerRejected, again: false, tokens: [nil, nil, 3, nil], says: "withheld")),
    .init(
      wire, "Anthropic", "a call of a tool after a text",
      [
        delta("Let me see."), #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use"}}"#,
        #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
        end("tool_use"), stop,
      ], .failure(.invalidAnswer, again: false, tokens: [nil, nil, 3, nil], says: "tool")),
    .init(
      wire, litellm, "the stream just ends after its text, as Anthropic's own did",
      [start(#""input_tokens":9"#), delta("A b")],
      .failure(.providerUnavailable, again: true, tokens: [9, nil, nil, nil], says: "broke off")),
    .init(
      wire, "some gateway", "message_stop without a reason before it", [delta("A b"), stop],
      .failure(.providerUnavailable, again: true, says: "broke off")),
    .init(
      wire, "some gateway", "a reason without message_stop after it", [delta("A"), end()],
      .answer("A", tokens: [nil, nil, 3, nil])),
    .init(
      wire, "some gateway", "[DONE] without a reason before it", [delta("A b"), "[DONE]"],
      .failure(.providerUnavailable, again: true, says: "broke off")),
    .init(
      wire, "llmock 0.2.2", "an event that is not JSON, and then a right end",
      [delta("A b"), #"{"type":"#, end(), stop],
      .failure(.providerUnavailable, again: true, says: "not JSON")),
    .init(
      wire, "Anthropic, \(llama)", "thinking in separate blocks, with a signature",
      [
        #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
        #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm."}}"#,
        #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"abc"}}"#,
        #"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#, delta("A"), end(), stop,
      ], .answer("A", tokens: [nil, nil, 3, nil])),
    .init(
      wire, "\(litellm) before llama.cpp", "no block at all, since all of the limit went to reasoning",
      [start(#""input_tokens":9"#), end("max_tokens", #""output_tokens":100"#), stop],
      .failure(.invalidAnswer, again: false, tokens: [9, nil, 100, nil], says: "raise max_tokens")),
    .init(
      wire, llama, "in one piece: thinking that has leaked into a text",
      raw: .malformed(#"{"content":[{"type":"text","text":"<think>Hm.</think>A"}],"stop_reason":"end_turn"}"#),
      .answer("A")),
    .init(
      wire, "Anthropic", "in one piece",
      raw: .malformed(
        #"{"type":"message","content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"A bay."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":3}}"#
      ), .answer("A bay.", tokens: [9, nil, 3, nil])),
  ]
}
