import ExactJSON

/// The fields of a run: the body of a submission.
package enum RunField {
  static let runName = Field(
    "run_name", .value(.string(maxScalars: WorkflowDefinition.Limit.runNameScalars)), default: .required,
    "what the run is called in its status")
  static let inputs = Field(
    "inputs", .other("object", ["type": "object"]), default: .value([:]), "any JSON, for references to `@inputs`")
  static let steps = Field(
    "steps",
    .other(
      "array of steps",
      [
        "type": "array", "items": .object(Field.reference("Step")), "minItems": 1,
        "maxItems": .number(JSONNumber(WorkflowDefinition.Limit.steps)),
      ]), default: .required, "1 to \(WorkflowDefinition.Limit.steps.grouped)")
  static let failFast = Field(
    "fail_fast", .value(.boolean), default: .value(true),
    "`false`: after a failure, every step that does not depend on the failed one still runs")
  static let maxCost = Field(
    "max_cost", .value(.number(0...1_000_000)),
    "what the calls of models of the run may cost together, in the unit of the models' prices; a call that could cost more "
      + "than is left is not made (`budget_exceeded`)")
  static let timeout = Field(
    "timeout_s", .value(.number(0.1...2_592_000)),
    "seconds that the run may take from its start on, waits included; then it fails with `timeout`")
  static let delay = Field(
    "delay_s", .value(.number(0...31_536_000)), default: .value(0), "seconds until the run is queued")
  static let runAt = Field(
    "run_at",
    .other(
      "date and time",
      [
        "type": "string", "format": "date-time", "pattern": .string(DateTime.pattern),
        "examples": ["2999-12-24T18:00:00+01:00"],
      ]),
    "in place of `delay_s`: RFC 3339 with an offset, such as `2026-12-24T18:00:00+01:00`; not in the past")
  static let priority = Field(
    "priority", .value(.oneOf(RunOptions.Priority.allCases.map(\.rawValue))), default: .value("normal"),
    "which queued runs come first")
  static let retain = Field(
    "retain_s", .value(.integer(1...31_536_000)), default: .words("`WF_RETAIN_S`"),
    "seconds that the run is kept after its end")
  static let labels = Field(
    "labels", .other("object of strings", RunOptions.labelSchema), default: .value([:]),
    "up to \(RunOptions.Limit.labels) strings of up to \(RunOptions.Limit.labelValueBytes) bytes without control "
      + "characters; names of 1 to \(RunOptions.Limit.labelNameBytes) ASCII letters, digits, `_`, `-`, `.`, `/`")
  static let callback = Field(
    "callback_url", .other("string", Callbacks.schema),
    "up to \(RunOptions.Limit.callbackBytes.grouped) ASCII characters: an `http` or `https` URL without user and password, "
      + "to which the end of the run is reported")

  /// All of them, as the page Contract lists them.
  package static let all = [
    runName, inputs, steps, failFast, maxCost, timeout, delay, runAt, priority, retain, labels, callback,
  ]
  static let names = all.map(\.name)
}

/// The fields of a step.
package enum StepField {
  static let id = Field(
    "id", .other("string", stepIDSchema.merging(["not": ["enum": reservedIDs]])), default: .required,
    "1 to \(WorkflowDefinition.Limit.stepIDScalars) ASCII letters, digits, `_`, `-`, not `-` first; unique; "
      + "`inputs` and `item` are reserved")
  static let op = Field(
    "op", .other("string", ["type": "string"]), default: .required, "an operation that the API or a live worker has")
  static let needs = Field(
    "needs", .other("array", ["type": "array", "items": .object(Field.reference("Need"))]), default: .value([]),
    "steps that this one waits for; each exists, none waits for itself. An entry is an id, or an object (below)")
  static let params = Field(
    "params", .other("object", ["type": "object"]), default: .value([:]), "the parameters of the operation")
  static let condition = Field(
    "when", .other("condition", Field.reference("Condition")), "the step is skipped where it does not hold")
  static let isOptional = Field(
    "optional", .value(.boolean), default: .value(false), "its failure does not fail the run")
  static let timeout = Field(
    "timeout_s", .value(.number(0.1...86_400)), "seconds that one attempt may take; then it fails with `timeout`")
  static let retry = Field(
    "retry", .other("object", Field.reference("Retry")), default: .words("the operation's"),
    "when failed attempts are repeated")

  static let foreach = Field(
    "foreach",
    .other(
      "array or reference",
      [
        "anyOf": [
          .object(Field.reference("Reference")), ["type": "array", "items": .object(Field.reference("Value"))],
        ]
      ]), "the step runs once per item of the array")
  static let concurrency = Field(
    "concurrency", .value(.integer(1...Foreach.mostConcurrency)),
    default: .value(.number(JSONNumber(Foreach.defaultConcurrency))),
    "items that are in flight at one time; only with `foreach`")
  static let itemError = Field(
    "on_item_error", .value(.oneOf(["fail", "keep"])), default: .value("fail"),
    "what the failure of an item means; only with `foreach`")

  /// All of them, as the page Contract lists them.
  package static let all = [
    id, op, needs, params, condition, isOptional, timeout, retry, foreach, concurrency, itemError,
  ]
  static let names = all.map(\.name)

  static let stepIDSchema: JSONObject = ["type": "string", "pattern": .string(StepDefinition.idPattern)]
  private static let reservedIDs = JSONValue.array(StepDefinition.reservedIDs.sorted().map(JSONValue.string))
}

/// The fields of an entry of `needs` that is an object.
package enum NeedField {
  static let step = Field("step", .other("string", StepField.stepIDSchema), default: .required, "the id of a step")
  static let trigger = Field(
    "on", .value(.oneOf(Need.Trigger.allCases.map(\.rawValue))), default: .value("done"), "how the step must have ended"
  )

  /// All of them, as the page Contract lists them.
  package static let all = [step, trigger]
  static let names = all.map(\.name)
}

/// The fields of a `retry`.
package enum RetryField {
  private static let policy = RetryPolicy()

  static let maxAttempts = Field(
    "max_attempts", .value(.integer(1...RetryPolicy.mostAttempts)),
    default: .value(.number(JSONNumber(policy.maxAttempts ?? RetryPolicy.mostAttempts))),
    "attempts at most; one that failed with `rate_limited` does not count")
  static let delay = Field(
    "delay_s", .value(.number(0...86_400)), default: .value(.number(JSONNumber(seconds: policy.delay))),
    "the bound of the first wait; not above `max_delay_s` where both are given")
  static let multiplier = Field(
    "multiplier", .value(.number(1...100)), default: .value(.number(JSONNumber(shortest: policy.multiplier))),
    "each further bound is the one before, times this")
  static let maxDelay = Field(
    "max_delay_s", .value(.number(0...86_400)), default: .words("30, or `delay_s` if that is more"),
    "the largest bound")
  static let jitter = Field(
    "jitter", .value(.boolean), default: .value(.bool(policy.hasJitter)),
    "a wait is a random part of its bound; `false`: all of it")
  static let total = Field(
    "total_s", .value(.number(0...2_592_000)), default: .value(.number(JSONNumber(seconds: policy.total))),
    "seconds after the start of the first attempt in which another one may start")
  static let codes = Field(
    "on",
    .other(
      "array of error codes",
      [
        "type": "array",
        "items": ["type": "string", "enum": .array(RetryOptions.codes.map { .string($0.rawValue) })], "minItems": 1,
        "maxItems": .number(JSONNumber(RetryOptions.codes.count)),
      ]), default: .words("failures that may pass"), "the error codes that are repeated")

  /// All of them, as the page Contract lists them.
  package static let all = [maxAttempts, delay, multiplier, maxDelay, jitter, total, codes]
  static let names = all.map(\.name)
}
