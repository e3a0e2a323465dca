import ExactJSON
import Workflow
import WorkflowStore

/// The use of models.
extension ResponseSchemas {
  static let waitReason = Field.Shape.value(
    .oneOf(["cooldown", "requests", "tokens", "calls", "budget"]))

  static let usage = [
    Field("usage", list(of: Field.reference("DayUsage")), default: .required, "one for each day, owner and model")
  ]

  static let modelUsage: [Field] = {
    let counts = [
      ("calls", "the calls, those that failed included"),
      ("input_tokens", "tokens of the prompts, those of a cache included"),
      ("cached_tokens", "tokens of the prompts that the provider's cache held"),
      ("output_tokens", "tokens of the answers, those of reasoning included"),
      ("reasoning_tokens", "tokens of reasoning"),
    ]
    return counts.map { Field($0, count, default: .required, $1) } + [
      Field("cost", .other("number", ["type": "number", "minimum": 0]), "in the unit of the models' prices"),
      Field(
        "estimated", .other("boolean", ["const": true]),
        "a part of the cost is the most that a call may cost, because it is under way or nothing says what it did cost"),
    ]
  }()

  static let dayUsage =
    [
      Field("day", .other("string", ["type": "string", "format": "date"]), default: .required, "the day (UTC)"),
      Field(
        "owner", .other("string or null", ["type": ["string", "null"]]), default: .required,
        "whose runs; null without keys"),
      Field("model", text, default: .required, "the model's name"),
    ] + modelUsage + [Field("failed", count, default: .required, "calls that failed")]
}
