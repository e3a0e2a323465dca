package import ExactJSON

/// The JSON Schemas (draft 2020-12) of a submission.
///
/// They accept every body that ``DefinitionReader`` accepts, and refuse what it refuses as far as they can.
/// JSON Schema cannot say what one value has to do with another one: ids that come twice, steps and inputs that are not
/// there, cycles, `delay_s` above `max_delay_s`, the time that it is, the bytes of a text.
package enum WorkflowSchema {
  /// The schemas by name, for `#/components/schemas`; that of a body is `Workflow`.
  /// - Parameter operations: the parameters of each operation; several where API and workers have it in other versions.
  package static func components(_ operations: [String: [ParameterSchema]]) -> JSONObject {
    let operations = operations.sorted { $0.key < $1.key }.map { Operation(name: $0.key, parameters: $0.value) }
    var schemas: JSONObject = ["Workflow": .object(workflow), "Step": .object(step(operations))]
    for operation in operations { schemas[operation.stepName] = .object(operation.step) }
    for operation in operations { schemas[operation.paramsName] = .object(operation.params) }
    schemas["ScheduleBody"] = .object(ScheduleField.schema)
    schemas["Need"] = .object(need)
    schemas["Condition"] = .object(Condition.schema)
    schemas["Retry"] = .object(
      Field.object(RetryField.all).merging(["description": "When the failed attempts of a step are repeated."]))
    return schemas.merging(values)
  }

  /// The schemas that those of parameters refer to.
  package static var values: JSONObject {
    ["Value": .object(value), "Text": .object(text), "Reference": .object(reference)]
  }

  private static let workflow = Field.object(RunField.all).merging([
    "not": ["required": [.string(RunField.delay.name), .string(RunField.runAt.name)]],
    "description": "A run: its steps, and the inputs that they work on.",
  ])

  private static let need: JSONObject = [
    "description": "A step that another one waits for: its id, or how it must have ended as well.",
    "anyOf": [.object(StepField.stepIDSchema), .object(Field.object(NeedField.all))],
  ]

  private static let value: JSONObject = [
    "description": "Any JSON. Its strings are texts, at any depth.",
    "anyOf": [
      .object(Field.reference("Text")), ["type": ["number", "boolean", "null"]],
      ["type": "array", "items": .object(Field.reference("Value"))],
      ["type": "object", "additionalProperties": .object(Field.reference("Value"))],
    ],
  ]

  private static let text: JSONObject = [
    "type": "string",
    "description": .string(
      "A reference, or a text: a leading `@` is written `@@`, and `{{step.output}}` is replaced by a value, `\\{{` for braces."
    ),
    "anyOf": [
      .object(Field.reference("Reference")),
      ["allOf": [["pattern": "^(?:[^@]|@@|$)"], ["pattern": .string(Template.pattern)]]],
    ],
  ]

  private static let reference: JSONObject = [
    "type": "string", "pattern": .string(Reference.pattern), "examples": ["@inputs.text", "@pre.clean_text"],
    "description": "What is put in its place when the step starts: an output of a step, or an input.",
  ]

  /// A step is that of its operation.
  private static func step(_ operations: [Operation]) -> JSONObject {
    [
      "description": "A step: an operation, its parameters, and when it runs.",
      "oneOf": .array(operations.map { .object(Field.reference($0.stepName)) }),
      "discriminator": [
        "propertyName": .string(StepField.op.name),
        "mapping": .object(
          JSONObject(operations.map { ($0.name, .string("#/components/schemas/\($0.stepName)")) })),
      ],
    ]
  }
}

/// An operation in the document.
private struct Operation {
  let name: String
  let parameters: [ParameterSchema]

  var stepName: String { "Step.\(component)" }
  var paramsName: String { "Params.\(component)" }

  /// The schema of its `params`.
  var params: JSONObject {
    if parameters.count == 1 { return parameters[0].schema }
    return ["anyOf": .array(parameters.map { .object($0.schema) })]
  }

  /// The name with what the keys of components may have (OpenAPI 3.1, "Components Object").
  private var component: String {
    name.utf8.reduce(into: "") { text, byte in
      let scalar = Unicode.Scalar(byte)
      let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      text += isPlain || scalar == "_" || scalar == "-" ? String(scalar) : ".\(byte)"
    }
  }

  /// A step of this operation.
  var step: JSONObject {
    let fields = StepField.all.map { field in
      switch field.name {
      case StepField.op.name: Field(field.name, .other("", ["const": .string(name)]), default: .required, "")
      case StepField.params.name:
        Field(
          field.name, .other("", Field.reference(paramsName)),
          default: parameters.contains(where: \.isOptional) ? field.defaultValue : .required, field.meaning)
      default: field
      }
    }
    let foreach = JSONValue.array([.string(StepField.foreach.name)])
    return Field.object(fields).merging([
      "dependentRequired": .object([StepField.concurrency.name: foreach, StepField.itemError.name: foreach])
    ])
  }
}

extension WorkflowSchema {
  /// Bodies of schedules, as examples of OpenAPI.
  package static let scheduleExamples: JSONObject = [
    "nightly": [
      "summary": "A run each night at two",
      "value": [
        "cron": "0 2 * * *", "time_zone": "UTC",
        "run": ["run_name": "nightly", "steps": [["id": "pre", "op": "preprocess"]]],
      ],
    ]
  ]

  /// Bodies of submissions, as examples of OpenAPI.
  package static let examples: JSONObject = [
    "summarize": [
      "summary": "Cleans a text, summarizes it and stores the summary",
      "value": [
        "run_name": "summarize-then-store",
        "inputs": ["text": "The aim of the program is to reduce incidence rapidly."],
        "steps": [
          ["id": "pre", "op": "preprocess", "params": ["field": "text"]],
          ["id": "llm", "op": "llm_summarize", "needs": ["pre"], "params": ["max_tokens": 100]],
          ["id": "store", "op": "store_result", "needs": ["llm"], "params": ["namespace": "summaries"]],
        ],
      ],
    ]
  ]
}
