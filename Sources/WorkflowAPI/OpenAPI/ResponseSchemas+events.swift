import ExactJSON
import Workflow

/// The schemas of the events of a run.
extension ResponseSchemas {
  /// An event of a stream, read as an object. OpenAPI 3.1 does not say what the schema of a stream describes; tools
  /// take it for that of one event.
  static let event: JSONObject = [
    "type": "object",
    "description": "A server-sent event: an entry of the log, `status`, or what a model is writing.",
    "properties": [
      "event": ["enum": ["message", "status", "text", "token", "reset"]],
      "id": ["type": "string", "pattern": "^[0-9]+$"],
      "retry": ["type": "integer"], "data": ["type": "string"],
    ], "required": ["data"], "if": ["properties": ["event": ["const": "status"]], "required": ["event"]],
    "then": data("StatusEvent"),
    "else": [
      "if": ["properties": ["event": ["enum": ["text", "token", "reset"]]], "required": ["event"]],
      "then": data("TextEvent"), "else": data("ProgressEntry"),
    ],
  ]

  static let textEvent = [
    Field("step", text, default: .required, "the step that the model writes for"),
    Field("item", count, "the position of its item"),
    Field("attempt", count, default: .required, "the number of the attempt"),
    Field("offset", count, "where the text begins in the attempt's text, in Unicode scalars; not in a `reset`"),
    Field("text", text, "the text; not in a `reset`"),
  ]

  private static func data(_ schema: String) -> JSONValue {
    [
      "properties": [
        "data": ["contentMediaType": "application/json", "contentSchema": .object(Field.reference(schema))]
      ]
    ]
  }

  static let statusEvent = [
    Field("status", .value(.oneOf(RunStatus.allCases.map(\.rawValue))), default: .required, "the run's status")
  ]
}
