import ExactJSON
import Workflow
import WorkflowLLM

extension ModelStep {
  /// The parameter by which a step says how long its answers are kept.
  static let cacheParameter = ParameterSchema.Parameter(
    "cache_s", .integer(0...2_592_000),
    summary:
      "seconds for which the answer is kept: the same request to the same model gets it again then, and costs nothing")
}

extension ChatRequest {
  /// All that an answer depends on, as JSON text.
  func question(to named: ChatModels.Named) -> [UInt8] {
    let messages = messages.map { JSONValue.array([.string($0.role.rawValue), .string($0.content)]) }
    return JSONValue.array([
      .string(named.name), .string(named.identity), model.map { .string($0) } ?? .null, .array(messages),
      .number(JSONNumber(maxTokens)), temperature.flatMap { JSONNumber(text: "\($0)") }.map { .number($0) } ?? .null,
      .array(stop.map { .string($0) }), seed.map { .number(JSONNumber($0)) } ?? .null, responseSchema?.schema ?? .null,
    ]).bytes
  }
}

extension ChatAnswer {
  /// As it is kept: `[text, model, finish_reason]`.
  var kept: [UInt8] {
    JSONValue.array([.string(text), .string(model), finishReason.map { .string($0) } ?? .null]).bytes
  }

  /// Reads what ``kept`` writes; nil when it has another shape.
  init?(kept bytes: [UInt8]) {
    let parts = (try? JSONValue(parsing: bytes))?.arrayValue ?? []
    guard parts.count == 3, let text = parts[0].stringValue, let model = parts[1].stringValue else { return nil }
    self.init(text: text, model: model, usage: .null, finishReason: parts[2].stringValue)
    isCached = true
  }
}
