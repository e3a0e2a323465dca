import ExactJSON
import Workflow
import WorkflowStore

/// What the API says of operations and workers.
extension ResponseSchemas {
  static var workersAndOperations: JSONObject {
    [
      "Operations": .object(Field.object(operations, isOpen: true)),
      "Operation": .object(Field.object(operation, isOpen: true)),
      "OperationVariant": .object(Field.object(variant, isOpen: true)),
      "Workers": .object(Field.object(workers, isOpen: true)),
      "Worker": .object(Field.object(worker, isOpen: true)),
      "Missing": .object(Field.object(missing, isOpen: true)),
    ]
  }

  // MARK: Operations

  private static let operations = [
    Field("operations", list(of: Field.reference("Operation")), default: .required, "all operations, by name"),
    Field("components", object, default: .required, "what the schemas refer to"),
  ]

  private static let variant = [
    Field("workers", count, default: .required, "live workers that have it"),
    Field("in_api", .other("boolean", ["type": "boolean"]), default: .required, "whether the API has it, too"),
    Field("params", object, default: .required, "the JSON Schema of its parameters"),
  ]

  private static let operation =
    [Field("op", text, default: .required, "its name")] + variant + [
      Field(
        "variants", list(of: Field.reference("OperationVariant")),
        "its parameters by API and workers; only where these have different ones")
    ]

  // MARK: Workers

  private static let workers = [
    Field("workers", list(of: Field.reference("Worker")), default: .required, "the live workers, by name")
  ]

  private static let textOrNull = Field.Shape.other("string or null", ["type": ["string", "null"]])
  private static let countOrNull = Field.Shape.other("integer or null", ["type": ["integer", "null"]])

  /// The fields of a worker; those of an older version have all but `id` null.
  private static let worker = [
    Field("id", text, default: .required, "its name"),
    Field("host", textOrNull, default: .required, "the host that it runs on"),
    Field("pid", countOrNull, default: .required, "its process id there"),
    Field("version", textOrNull, default: .required, "the version of wf"),
    Field("since_ts", timeOrNull, default: .required, "when it started, by Redis's clock"),
    Field("age_s", countOrNull, default: .required, "seconds since then"),
    Field("runs", countOrNull, default: .required, "runs that it held a second ago"),
    Field("slots", countOrNull, default: .required, "runs that it works on at one time (`WF_WORKER_RUNS`)"),
    Field(
      "operations", .other("array or null", ["type": ["array", "null"], "items": ["type": "string"]]),
      default: .required, "its operations by name, a hundred at most"),
    Field("operations_omitted", count, "how many more it has; absent if none"),
    Field(
      "state",
      .other("string or null", ["enum": .array(WorkerState.allCases.map { .string($0.rawValue) } + [.null])]),
      default: .required, "whether it takes runs"),
  ]

  private static let missing = [
    Field("operation", text, "an operation that no worker has"),
    Field("field", text, "a field that no worker knows"),
    Field("operations", text, "operations that no single worker has all of"),
    Field("runs", count, default: .required, "queued runs that wait for it"),
  ]
}
