import Curl
import Tracing
import Workflow

/// The span of a call of a model, by OpenTelemetry's semantic conventions for generative AI (the spans of clients).
/// Prompts and answers are no part of it.
struct ModelSpan {
  private let name: String
  private let start = Span.now
  private var attributes: [Span.Attribute]

  init(_ request: ChatRequest, _ definition: ModelDefinition, provider: String) {
    let model = request.model ?? definition.model
    name = "chat \(model)"
    attributes = [
      ("gen_ai.operation.name", .text("chat")), ("gen_ai.provider.name", .text(provider)),
      ("gen_ai.request.model", .text(model)), ("gen_ai.request.max_tokens", .number(request.maxTokens)),
    ]
    if let temperature = request.temperature ?? definition.temperature {
      attributes.append(("gen_ai.request.temperature", .fraction(temperature)))
    }
    if let seed = request.seed { attributes.append(("gen_ai.request.seed", .number(seed))) }
    if let url = try? HTTPURL(definition.baseURL) {
      attributes.append(("server.address", .text(url.host)))
      attributes.append(("server.port", .number(url.port)))
    }
  }

  /// Writes the span of a call that was answered.
  func end(with answer: ChatAnswer, in trace: ActiveTrace) {
    var all = attributes
    all.append(("gen_ai.response.model", .text(answer.model)))
    if let reason = answer.finishReason { all.append(("gen_ai.response.finish_reasons", .texts([reason]))) }
    trace.record(name, .client, from: start, all + Self.usage(answer.tokens))
  }

  /// Writes the span of a call that has failed.
  func end(with error: ModelError, in trace: ActiveTrace) {
    switch error {
    case .cancelled:
      trace.record(name, .client, from: start, attributes + [("error.type", .text("cancelled"))], failure: "cancelled")
    case .failed(let failure):
      let all = attributes + [("error.type", .text(failure.code.rawValue))] + Self.usage(failure.tokens)
      trace.record(name, .client, from: start, all, failure: failure.message)
    }
  }

  private static func usage(_ tokens: TokenUsage) -> [Span.Attribute] {
    [("gen_ai.usage.input_tokens", tokens.input), ("gen_ai.usage.output_tokens", tokens.output)].compactMap {
      name, count in
      count.map { (name, .number($0)) }
    }
  }
}
