import ModelServer
import Workflow
import WorkflowLLM

extension WireCase {
  private static let wire = ModelDefinition.Wire.chatCompletions
  private static let llama = "llama.cpp (xllamacpp 2026.10.11549)"
  private static let lcp = "llama-cpp-python 0.3.36"
  private static let litellm = "LiteLLM 1.108.7"

  private static func text(_ text: String) -> String { #"{"choices":[{"index":0,"delta":{"content":"\#(text)"}}]}"# }
  private static func end(_ reason: String = "stop", _ more: String = "") -> String {
    #"{"choices":[{"index":0,"delta":{},"finish_reason":"\#(reason)"}]\#(more)}"#
  }
  private static let usage = #""usage":{"prompt_tokens":9,"completion_tokens":3}"#
  private static let nine: [Int?] = [9, nil, 3, nil]

  /// Chat completions.
  static let chat: [WireCase] = [
    // How a stream begins.
    .init(
      wire, llama, "a role chunk with content null, timings, a count with choices [], [DONE]",
      [
        #"{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#, text("A "), text("bay."),
        #"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"timings":{"n":1}}"#,
        #"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":8}}}"#,
        "[DONE]",
      ], .answer("A bay.", tokens: [9, 8, 3, nil])),
    .init(wire, llama, "no role chunk", [text("é"), end(), "[DONE]"], .answer("é")),
    .init(
      wire, "guidellm 0.8.1", "no role chunk, a count beside no choice",
      [text("A"), end(), "{\"choices\":[],\(usage)}"],
      .answer("A", tokens: nine)),
    .init(
      wire, "Azure behind \(litellm)", "a first chunk with choices []",
      [#"{"choices":[],"prompt_filter_results":[]}"#, text("A"), end()], .answer("A")),
    .init(
      wire, "llmock 0.2.2", "usage null in each chunk",
      [
        #"{"choices":[{"delta":{"role":"assistant","content":""}}],"usage":null}"#,
        #"{"choices":[{"delta":{"content":"A"}}],"usage":null}"#, end("stop", ",\"usage\":null"),
        "{\"choices\":[],\(usage)}", "[DONE]",
      ], .answer("A", tokens: nine)),
    .init(
      wire, "llama-stack 0.7.3", "null for all that is not said, and no [DONE]",
      [
        #"{"choices":[{"index":0,"delta":{"content":null,"role":null,"refusal":null,"tool_calls":null},"finish_reason":null}],"usage":null}"#,
        text("A"), end(), "{\"choices\":[],\(usage)}",
      ], .answer("A", tokens: nine)),
    .init(
      wire, "transformers 5.24.0", "no finish_reason before the last chunk, which has the count, and no [DONE]",
      [text("A"), end("stop", ",\(usage)")], .answer("A", tokens: nine)),
    .init(
      wire, litellm, "the count beside an empty delta instead of no choice",
      [text("A"), end(), "{\"choices\":[{\"index\":0,\"delta\":{}}],\(usage)}", "[DONE]"], .answer("A", tokens: nine)),
    .init(
      wire, llama, "two texts, the count of the other in the midst of this one",
      [
        text("A "), #"{"choices":[{"index":1,"delta":{"content":"no"}}]}"#,
        #"{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}"#,
        #"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#, text("bay."), end(),
        "{\"choices\":[],\(usage)}", "[DONE]",
      ], .answer("A bay.", tokens: nine)),
    .init(
      wire, lcp, "comments before and between the events, empty texts, never a count",
      raw: .pieces([
        .bytes(
          StreamText(
            Array(": ping - now\n\n:\n\ndata: \(text(""))\n\n: ping\n\ndata: \(text("A"))\n\ndata: \(end())\n\n".utf8),
            size: 9
          ).response)
      ]), .answer("A")),
    // How it ends.
    .init(
      wire, lcp, "[DONE] alone, since another request interrupts it", [text("A b"), "[DONE]"],
      .failure(.providerUnavailable, again: true, says: "broke off")),
    .init(
      wire, "llama-stack 0.7.3, llmock 0.2.2", "a clean end without finish_reason", [text("A b")],
      .failure(.providerUnavailable, again: true, says: "broke off")),
    .init(
      wire, lcp, "a stream without events, for a prompt that is too long", [],
      .failure(.providerUnavailable, again: true, says: "empty")),
    .init(
      wire, "llmock 0.2.2", "an event that is not JSON, and then a right end",
      [text("A b"), #"{"choices":[{"delta":{"cont"#, end(), "[DONE]"],
      .failure(.providerUnavailable, again: true, says: "not JSON")),
    .init(
      wire, "guidellm 0.8.1", "stop although the limit has cut the text",
      [text("A b"), end(), #"{"choices":[],"usage":{"completion_tokens":3}}"#],
      .answer("A b", reason: "length", tokens: [nil, nil, 3, nil]), maxTokens: 3),
    .init(
      wire, "some gateway", "the message so far beside each delta",
      [
        #"{"choices":[{"index":0,"delta":{"content":"A "},"message":{"content":"A "}}]}"#,
        #"{"choices":[{"index":0,"delta":{"content":"b"},"message":{"content":"A b"}}]}"#,
        #"{"choices":[{"index":0,"delta":{},"message":{"content":"A b"},"finish_reason":"stop"}]}"#,
      ], .answer("A b")),
    .init(
      wire, "some server", "texts of the older protocol",
      [#"{"choices":[{"index":0,"text":"A "}]}"#, #"{"choices":[{"index":0,"text":"b","finish_reason":"stop"}]}"#],
      .answer("A b")),
    .init(wire, "vLLM, OpenAI", "length", [text("A b"), end("length"), "[DONE]"], .answer("A b", reason: "length")),
    .init(
      wire, "OpenAI, Azure", "text that a filter has cut", [text("A b"), end("content_filter")],
      .failure(.providerRejected, again: false, says: "withheld")),
    .init(
      wire, "OpenAI", "a refusal", [#"{"choices":[{"delta":{"refusal":"I cannot."}}]}"#, end()],
      .failure(.providerRejected, again: false, says: "refused")),
    .init(
      wire, "OpenAI", "a call of a tool after a text",
      [text("Let me see."), #"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#, end("tool_calls")],
      .failure(.invalidAnswer, again: false, says: "tool")),
    .init(
      wire, "some gateway", "an unknown reason", [text("A b"), end("paused")],
      .failure(.invalidAnswer, again: false, says: "paused")),
    .init(
      wire, "vLLM", "abort", [text("A b"), end("abort")], .failure(.providerUnavailable, again: true, says: "abort")),
    // Reasoning and counts.
    .init(
      wire, "\(llama), vLLM", "reasoning_content",
      [#"{"choices":[{"delta":{"reasoning_content":"Hm."}}]}"#, text("A"), end()], .answer("A")),
    .init(
      wire, "OpenRouter, Ollama", "reasoning", [#"{"choices":[{"delta":{"reasoning":"Hm."}}]}"#, text("A"), end()],
      .answer("A")),
    .init(
      wire, llama, "reasoning that has leaked into the text, in pieces of a character",
      "<think>\\n|H|m|.|<|/think>|\\n\\nA".split(separator: "|").map { text(String($0)) } + [end()], .answer("A")),
    .init(
      wire, llama, "all of the limit went to reasoning",
      [
        #"{"choices":[{"delta":{"reasoning_content":"Hm."}}]}"#, end("length"),
        #"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":100}}"#,
      ],
      .failure(
        .invalidAnswer, again: false, tokens: [9, nil, 100, nil], says: "raise max_tokens: reasoning has used it up")),
    .init(
      wire, "Grok", "reasoning counted beside the answer",
      [
        text("A"),
        end(
          "stop",
          #","usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":19,"completion_tokens_details":{"reasoning_tokens":7}}"#
        ),
      ], .answer("A", tokens: [9, nil, 10, 7])),
    .init(
      wire, "DeepSeek", "cached tokens by another name",
      [text("A"), end("stop", #","usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_cache_hit_tokens":8}"#)],
      .answer("A", tokens: [9, 8, 3, nil])),
  ]
}
