import ModelServer
import Workflow
import WorkflowLLM

extension WireCase {
  private static let stack = "llama-stack 0.7.3"
  private static let litellm = "LiteLLM 1.108.7"

  private static func text(_ wire: ModelDefinition.Wire) -> String {
    ShortAnswer.events(wire)[wire == .messages ? 1 : 0]
  }

  /// Errors that come as an answer with status 200, and those that hide behind another status.
  static let errors: [WireCase] =
    ModelDefinition.Wire.allCases.flatMap { wire in
      [
        .init(
          wire, "\(litellm) with sse_keepalive_ping_interval_seconds", "OpenAI's error on each wire, its status a text",
          raw: .pieces([
            .bytes(
              StreamText(
                Array(
                  ": ping\n\ndata: {\"error\":{\"message\":\"full\",\"type\":\"x\",\"param\":null,\"code\":\"429\"}}\n\ndata: [DONE]\n\n"
                    .utf8), size: 1_000
              ).response)
          ]), .failure(.rateLimited, again: true)),
        .init(
          wire, "\(litellm), \(stack)", "an error in the midst of the text",
          [text(wire), #"{"error":{"message":"Internal server error","type":null,"code":"500"}}"#],
          .failure(.providerUnavailable, again: true, says: "status 500")),
        .init(
          wire, "some gateway", "an error without a status", [#"{"error":{"message":"no"}}"#],
          .failure(.providerUnavailable, again: true, says: "status 500")),
        .init(
          wire, "some gateway", "an error that names a limit in words", [#"{"error":{"code":"rate_limit_exceeded"}}"#],
          .failure(.rateLimited, again: true)),
        .init(
          wire, "OpenAI", "a quota that is spent, as an event", [#"{"error":{"code":"insufficient_quota"}}"#],
          .failure(.providerRejected, again: false, says: "quota")),
        .init(
          wire, "llama.cpp (xllamacpp 2026.10.11549)", "OpenAI's error on each wire, its code a number",
          raw: .status(
            400, body: #"{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_ctx":512}}"#),
          .failure(.providerRejected, again: false, says: "400")),
        .init(
          wire, "llama.cpp (xllamacpp 2026.10.11549)", "503 while it loads the model",
          raw: .status(503, body: #"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#),
          .failure(.providerUnavailable, again: true, says: "503")),
        .init(
          wire, "transformers 5.24.0", "500 in plain text",
          raw: .status(500, headers: [("Content-Type", "text/plain")], body: "Internal Server Error"),
          .failure(.providerUnavailable, again: true, says: "500")),
        .init(
          wire, stack, "500 for its provider's 429",
          raw: .status(500, body: #"{"detail":"Error code: 429 - {'error': {'message': 'slow down'}}"}"#),
          .failure(.rateLimited, again: true, says: "500 with an error of status 429")),
        .init(
          wire, stack, "500 for its provider's 400",
          raw: .status(500, body: #"{"detail":"Error code: 400 - {'error': {'message': 'too long'}}"}"#),
          .failure(.providerRejected, again: false, says: "500 with an error of status 400")),
        .init(
          wire, litellm, "500 that says 429",
          raw: .status(500, body: #"{"error":{"message":"x","type":"throttling_error"}}"#),
          .failure(.rateLimited, again: true)),
      ]
    } + [
      .init(
        .responses, stack, "response.failed with 200, for a limit",
        [
          #"{"type":"response.created","response":{"status":"in_progress"}}"#,
          #"{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"x"}}}"#,
        ], .failure(.rateLimited, again: true)),
      .init(
        .responses, stack, "response.failed with 200, for anything else",
        [
          #"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"},"usage":{"input_tokens":9}}}"#
        ],
        .failure(.providerUnavailable, again: true, tokens: [9, nil, nil, nil])),
      .init(
        .responses, stack, "an unknown model: 200, and an error without a type",
        [#"{"type":"response.created","response":{}}"#, #"{"error":{"message":"Model 'x' not found","code":"404"}}"#],
        .failure(.providerRejected, again: false, says: "status 404")),
      .init(
        .responses, litellm, "response.failed and [DONE]",
        [#"{"type":"response.failed","response":{"status":"failed","error":{"code":"500","message":"x"}}}"#, "[DONE]"],
        .failure(.providerUnavailable, again: true)),
      .init(
        .responses, "OpenAI", "an event of type error",
        [#"{"type":"error","code":"rate_limit_exceeded","message":"x","param":null}"#],
        .failure(.rateLimited, again: true)),
      .init(
        .messages, litellm, "message_start, and then an error",
        [
          #"{"type":"message_start","message":{"usage":{"input_tokens":9}}}"#,
          #"{"type":"error","error":{"type":"api_error","message":"x"}}"#,
        ], .failure(.providerUnavailable, again: true, tokens: [9, nil, nil, nil])),
      .init(
        .messages, "Anthropic", "overloaded_error in the midst of the text",
        [text(.messages), #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#],
        .failure(.providerUnavailable, again: true, says: "529")),
      .init(
        .messages, "Anthropic", "rate_limit_error as an event",
        [#"{"type":"error","error":{"type":"rate_limit_error","message":"x"}}"#], .failure(.rateLimited, again: true)),
      .init(
        .messages, litellm, "an error in Anthropic's shape, without a wait",
        raw: .status(429, body: #"{"type":"error","error":{"type":"rate_limit_error","message":"x"}}"#),
        .failure(.rateLimited, again: true)),
    ]
}
