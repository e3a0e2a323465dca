import ModelServer
import Workflow
import WorkflowLLM

extension WireCase {
  private static let wire = ModelDefinition.Wire.responses
  private static let llama = "llama.cpp (xllamacpp 2026.10.11549)"
  private static let stack = "llama-stack 0.7.3"
  private static let litellm = "LiteLLM 1.108.7"

  private static func delta(_ text: String) -> String {
    #"{"type":"response.output_text.delta","delta":"\#(text)","sequence_number":4,"output_index":0}"#
  }
  private static func end(_ event: String, _ response: String) -> String {
    #"{"type":"response.\#(event)","response":{\#(response)}}"#
  }
  private static let usage = #""usage":{"input_tokens":9,"output_tokens":3}"#
  private static let nine: [Int?] = [9, nil, 3, nil]
  private static let output = #""output":[{"type":"message","content":[{"type":"output_text","text":"A bay."}]}]"#

  /// OpenAI's responses.
  static let responses: [WireCase] = [
    .init(
      wire, "OpenAI", "every event",
      [
        #"{"type":"response.created","response":{"status":"in_progress","usage":null}}"#,
        #"{"type":"response.in_progress","response":{"status":"in_progress"}}"#,
        #"{"type":"response.output_item.added","item":{"type":"message","content":[]}}"#,
        #"{"type":"response.content_part.added","part":{"type":"output_text","text":""}}"#, delta("A "), delta("bay."),
        #"{"type":"response.output_text.done","text":"A bay."}"#,
        #"{"type":"response.content_part.done","part":{"type":"output_text","text":"A bay."}}"#,
        #"{"type":"response.output_item.done","item":{"type":"message","content":[{"type":"output_text","text":"A bay."}]}}"#,
        end(
          "completed",
          #""status":"completed","error":null,\#(output),"usage":{"input_tokens":9,"output_tokens":8,"input_tokens_details":{"cached_tokens":4},"output_tokens_details":{"reasoning_tokens":5}}"#
        ),
      ], .answer("A bay.", tokens: [9, 4, 8, 5])),
    .init(
      wire, llama, "a first delta without any event before it",
      [delta("é"), end("completed", #""status":"completed",\#(usage)"#)],
      .answer("é", tokens: nine)),
    .init(
      wire, "transformers 5.24.0", "a status that is queued at first",
      [
        #"{"type":"response.created","response":{"status":"queued","usage":null}}"#, delta("A"),
        end("completed", #""status":"completed","incomplete_details":null,\#(usage)"#),
      ], .answer("A", tokens: nine)),
    .init(
      wire, llama, "no delta: the text is in the last event alone",
      [end("completed", #""status":"completed",\#(output)"#)], .answer("A bay.")),
    .init(
      wire, llama, "only a last event, with output []",
      [end("completed", #""status":"completed","output":[],\#(usage)"#)],
      .failure(.invalidAnswer, again: false, tokens: nine, says: "no text")),
    .init(
      wire, llama, "output [] although deltas had text",
      [delta("A"), end("completed", #""status":"completed","output":[]"#)], .answer("A")),
    .init(
      wire, "\(llama), transformers 5.24.0", "completed although the limit has cut the text",
      [delta("A b"), end("completed", #""status":"completed","usage":{"input_tokens":9,"output_tokens":16}"#)],
      .answer("A b", reason: "length", tokens: [9, nil, 16, nil]), maxTokens: 3),
    .init(
      wire, "\(litellm) with a wildcard, llmock 0.2.2", "the event completed with the status incomplete",
      [
        delta("A b"),
        end("completed", #""status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}"#),
      ], .answer("A b", reason: "length")),
    .init(
      wire, stack, "incomplete because of length",
      [delta("A b"), end("incomplete", #""status":"incomplete","incomplete_details":{"reason":"length"}"#)],
      .answer("A b", reason: "length")),
    .init(
      wire, "OpenAI", "incomplete for a reason that is absent",
      [delta("A b"), end("incomplete", #""status":"incomplete","incomplete_details":null"#)],
      .answer("A b", reason: "length")),
    .init(
      wire, "OpenAI", "text that a filter has cut",
      [delta("A b"), end("incomplete", #""status":"incomplete","incomplete_details":{"reason":"content_filter"}"#)],
      .failure(.providerRejected, again: false, says: "withheld")),
    .init(
      wire, "OpenAI", "a refusal",
      [#"{"type":"response.refusal.delta","delta":"I cannot."}"#, end("completed", #""status":"completed""#)],
      .failure(.providerRejected, again: false, says: "refused")),
    .init(
      wire, "OpenAI", "a call of a tool after a text",
      [
        delta("Let me see."), #"{"type":"response.output_item.added","item":{"type":"function_call"}}"#,
        end("completed", #""status":"completed""#),
      ], .failure(.invalidAnswer, again: false, says: "tool")),
    .init(
      wire, "OpenAI", "cancelled", [delta("A b"), end("cancelled", #""status":"cancelled""#)],
      .failure(.providerUnavailable, again: true, says: "cancelled")),
    .init(
      wire, litellm, "a count that is made up, in the first event",
      [
        #"{"type":"response.created","response":{"status":"in_progress","usage":{"input_tokens":7,"output_tokens":7}}}"#,
        delta("A"), end("completed", #""status":"completed""#), "[DONE]",
      ], .answer("A")),
    .init(
      wire, litellm, "[DONE] after the last event, in one chunk with it",
      raw: .stream([delta("A"), end("completed", #""status":"completed",\#(usage)"#) + "\n\ndata: [DONE]"]),
      .answer("A", tokens: nine)),
    .init(
      wire, "some gateway", "[DONE] without a last event", [delta("A b"), "[DONE]"],
      .failure(.providerUnavailable, again: true, says: "broke off")),
    .init(
      wire, "some gateway", "a clean end without a last event", [delta("A b")],
      .failure(.providerUnavailable, again: true, says: "broke off")),
    .init(
      wire, "llmock 0.2.2", "an event that is not JSON, and then a right end",
      [delta("A b"), #"{"type":"resp"#, end("completed", #""status":"completed""#)],
      .failure(.providerUnavailable, again: true, says: "not JSON")),
    .init(
      wire, "\(llama), LiteLLM before Anthropic", "reasoning in separate events",
      [
        #"{"type":"response.output_item.added","item":{"type":"reasoning"}}"#,
        #"{"type":"response.reasoning_text.delta","delta":"Hm."}"#,
        #"{"type":"response.reasoning_summary_text.delta","delta":"Hm."}"#, delta("A"),
        end(
          "completed",
          #""status":"completed","output":[{"type":"reasoning","content":[{"type":"reasoning_text","text":"Hm."}]}]"#),
      ], .answer("A")),
    .init(
      wire, llama, "nothing but reasoning, and completed at the limit",
      [
        #"{"type":"response.reasoning_text.delta","delta":"Hm."}"#,
        end("completed", #""status":"completed","output":[],"usage":{"input_tokens":9,"output_tokens":100}"#),
      ],
      .failure(.invalidAnswer, again: false, tokens: [9, nil, 100, nil], says: "only reasoning came, raise max_tokens")),
    .init(
      wire, llama, "in one piece: an array, as for two texts", raw: .malformed(#"[{"status":"completed",\#(output)}]"#),
      .answer("A bay.")),
    .init(
      wire, "OpenAI", "in one piece", raw: .malformed(#"{"status":"completed","error":null,\#(output),\#(usage)}"#),
      .answer("A bay.", tokens: nine)),
    .init(
      wire, stack, "in one piece, failed",
      raw: .malformed(#"{"status":"failed","error":{"code":"server_error","message":"no"},"output":[]}"#),
      .failure(.providerUnavailable, again: true, says: "status 500")),
  ]
}
