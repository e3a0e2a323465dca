import ExactJSON
package import Workflow

/// The JSON Schemas of what the API answers. Answers may get more fields; clients ignore those that they do not know.
package enum ResponseSchemas {
  static var all: JSONObject { runsAndService.merging(workersAndOperations) }

  private static var runsAndService: JSONObject {
    [
      "Accepted": .object(Field.object(accepted, isOpen: true)),
      "Rerun": .object(Field.object(rerun, isOpen: false)),
      "Controlled": .object(Field.object(controlled, isOpen: true)),
      "Status": .object(Field.object(status, isOpen: true)),
      "ProgressEntry": .object(Field.object(progressEntry, isOpen: true)),
      "StepStatus": .object(Field.object(stepStatus, isOpen: true)),
      "FailedAttempt": .object(Field.object(failedAttempt, isOpen: true)),
      "ItemCounts": .object(Field.object(itemCounts, isOpen: true)),
      "Schedule": .object(Field.object(schedule, isOpen: true)),
      "Schedules": .object(Field.object(schedules, isOpen: true)),
      "LastTick": .object(Field.object(lastTick, isOpen: true)),
      "ScheduleOrigin": .object(Field.object(scheduleOrigin, isOpen: true)),
      "Event": .object(event), "StatusEvent": .object(Field.object(statusEvent, isOpen: true)),
      "TextEvent": .object(Field.object(textEvent, isOpen: true)),
      "Result": .object(Field.object(result, isOpen: true)),
      "Health": .object(Field.object(health, isOpen: true)),
      "DownPartition": .object(Field.object(downPartition, isOpen: true)),
      "Callback": .object(Field.object(callback, isOpen: true)),
      "Callbacks": .object(Field.object(callbacks, isOpen: true)),
      "RetriedCallbacks": .object(Field.object(retriedCallbacks, isOpen: true)),
      "Store": .object(Field.object(store, isOpen: true)),
      "StoredValue": .object(Field.object(storedValue, isOpen: true)),
      "Counts": .object(Field.object(counts, isOpen: true)),
      "Usage": .object(Field.object(usage, isOpen: true)),
      "DayUsage": .object(Field.object(dayUsage, isOpen: true)),
      "ModelUsage": .object(Field.object(modelUsage, isOpen: true)),
      "Runs": .object(Field.object(runs, isOpen: true)),
      "ListedRun": .object(Field.object(listedRun, isOpen: true)),
      "Steered": .object(Field.object(steered, isOpen: true)),
      "SteeredRun": .object(Field.object(steeredRun, isOpen: true)),
      "Error": .object(Field.object(error, isOpen: true)),
      "ValidationError": .object(Field.object(validationError, isOpen: true)),
      "Fault": .object(Field.object(fault, isOpen: true)),
    ]
  }

  // MARK: Types

  static let text = Field.Shape.value(.string())
  static let count = Field.Shape.value(.integer(0 ... .max))
  static let time = Field.Shape.other("number", ["type": "number"])
  static let timeOrNull = Field.Shape.other("number or null", ["type": ["number", "null"]])
  static let jobID = Field.Shape.other("string", ["type": "string", "format": "uuid"])
  static let object = Field.Shape.other("object", ["type": "object"])
  private static let errorCode = Field.Shape.value(.oneOf(ErrorCode.allCases.map(\.rawValue)))

  private static func one(_ schema: String) -> Field.Shape { .other("object", Field.reference(schema)) }
  static func list(of schema: JSONObject) -> Field.Shape {
    .other("array", ["type": "array", "items": .object(schema)])
  }
  static func map(of schema: JSONObject) -> Field.Shape {
    .other("object", ["type": "object", "additionalProperties": .object(schema)])
  }

  // MARK: Runs

  private static let accepted = [
    Field("job_id", jobID, default: .required, "the run's id"),
    Field(
      "status_url", .other("string", ["type": "string", "format": "uri-reference"]), default: .required,
      "the path of its status"),
  ]

  private static let rerun = [Field("from", text, default: .required, "the id of the step")]

  private static let controlled = [
    Field("job_id", jobID, default: .required, "the run's id"),
    Field(
      "status", .value(.oneOf(RunStatus.allCases.map(\.rawValue))), default: .required, "the run's status now"),
    Field("generation", count, "how often it was run again after it had ended"),
  ]

  /// The fields of a status; the page Contract lists them.
  package static let status = [
    Field("job_id", jobID, default: .required, "the run's id"),
    Field("run_name", text, default: .required, "as submitted"),
    Field("status", .value(.oneOf(RunStatus.allCases.map(\.rawValue))), default: .required, "the run's status"),
    Field("created_ts", time, default: .required, "when it was submitted, in seconds since 1970"),
    Field("started_ts", timeOrNull, default: .required, "when it was started; null until then"),
    Field("finished_ts", timeOrNull, default: .required, "when it ended; null until then"),
    Field("due_ts", time, "until when it waits outside its queue; only while it is queued"),
    Field("priority", .value(.oneOf(RunOptions.Priority.allCases.map(\.rawValue))), "as submitted"),
    Field("generation", count, "how often it was run again after it had ended; absent while it was not"),
    Field("reopened_ts", time, "when it was last run again; absent while it was not"),
    Field("paused", .value(.boolean), "true while it is paused: it starts no further step until it is resumed"),
    Field("labels", map(of: ["type": "string"]), "as submitted"),
    Field("schedule", one("ScheduleOrigin"), "the schedule that has started it"),
    Field("degraded", .other("boolean", ["const": true]), "a placeholder replaced a model's answer"),
    Field("usage", one("ModelUsage"), "what calls of models have used"),
    Field("usage_unknown", truth, "`usage` cannot be read now: the partition that counts it is down"),
    Field("error", text, "why it failed"),
    Field("error_code", errorCode, "why it failed, for programs"),
    Field("progress", list(of: Field.reference("ProgressEntry")), default: .required, "the log, in order"),
    Field("steps", map(of: Field.reference("StepStatus")), default: .required, "the steps by id"),
    Field(
      "result", .other("object or null", ["anyOf": [["type": "null"], .object(Field.reference("Result"))]]),
      default: .required, "null until the run has finished"),
  ]

  private static let progressEntry =
    [
      Field("ts", time, default: .required, "when, in seconds since 1970; never less than in the entry before"),
      Field("msg", .value(.oneOf(ProgressMessage.names)), default: .required, "what happened"),
      Field("run", text, "the run's name"), Field("step", text, "the step's id"), Field("op", text, "its operation"),
      Field("attempt", count, "the number of the failed attempt"), Field("item", count, "the position of an item"),
      Field("done", count, "items that have ended"), Field("failed", count, "items that have failed"),
      Field("total", count, "items of the step"),
      Field("error_code", errorCode, "the code of a failure"),
      Field("error", text, "the reason of a failure"),
      Field("model", text, "the name of the model that is called next"),
      Field("instead_of", text, "the name of the model that has failed"),
      Field("retry_at", time, "when the next attempt begins"),
      Field("generation", count, "how often the run was run again"),
      Field("from", text, "the step from which it is run again"),
      Field("usage", .other("any JSON", [:]), "the tokens that the model counted for an answer that was not used"),
      Field("waits_for", waitReason, "what a call of a model waits for that was not made yet"),
      Field("outputs", object, "what the step returned"),
      Field("outputs_omitted", .other("boolean", ["const": true]), "what it returned is too large for the log"),
      Field("outputs_bytes", count, "how many bytes it has"),
    ]

  private static let stepStatus = [
    Field("op", text, default: .required, "the operation"),
    Field("status", .value(.oneOf(StepView.Status.allCases.map(\.rawValue))), default: .required, "the step's status"),
    Field("attempts", count, default: .required, "how often it began"),
    Field("started_ts", timeOrNull, default: .required, "when it first began"),
    Field("finished_ts", timeOrNull, default: .required, "when it ended"),
    Field("items", one("ItemCounts"), "how many of its items have ended; only with `foreach`"),
    Field("usage", one("ModelUsage"), "what calls of models have used for it"),
    Field("retries", list(of: Field.reference("FailedAttempt")), "the failed attempts that were repeated"),
    Field("outputs", object, "what it returned; only in a failed run"),
  ]

  private static let itemCounts = [
    Field("done", count, default: .required, "items that have ended"),
    Field("failed", count, default: .required, "items that have failed"),
    Field("total", count, default: .required, "items of the step"),
  ]

  private static let failedAttempt = [
    Field("ts", time, default: .required, "when it failed"), Field("item", count, "the position of an item"),
    Field("attempt", count, default: .required, "its number"),
    Field("waits_for", waitReason, "what a call of a model waits for that was not made yet: no attempt was"),
    Field("error_code", errorCode, default: .required, "the code"), Field("error", text, default: .required, "why"),
    Field("retry_at", time, default: .required, "when the next one begins"),
    Field("usage", .other("any JSON", [:]), "the tokens that the model counted"),
  ]

  private static let result = [
    Field("run_name", text, default: .required, "as submitted"),
    Field("inputs", object, default: .required, "as submitted"),
    Field("outputs", map(of: ["type": "object"]), default: .required, "what the steps returned, by id"),
    Field("stores", map(of: ["type": "array"]), default: .required, "what they stored, by namespace"),
  ]

  // MARK: Schedules

  private static let schedule =
    [
      Field("name", text, default: .required, "its name"),
      Field("owner", text, "whose it is, with API keys"),
      Field("run_name", text, default: .required, "the name of its runs"),
      Field("created_ts", timeOrNull, default: .required, "when it was created, in seconds since 1970"),
      Field("next_ts", timeOrNull, default: .required, "when it is due next; null for never"),
      Field("next_times", list(of: ["type": "string"]), default: .required, "the next times in its time zone"),
      Field(
        "last", .other("object or null", ["anyOf": [["type": "null"], .object(Field.reference("LastTick"))]]),
        default: .required, "the last tick that was fired"),
      Field("runs", count, default: .required, "runs that it has started"),
      Field("skipped", count, default: .required, "ticks that were left out"),
      Field("run", object, "the run as it was submitted; only of one schedule"),
    ] + ScheduleField.all.filter { $0.name != "run" }.map { Field($0.name, $0.shape, $0.meaning) }

  private static let schedules = [
    Field("schedules", list(of: Field.reference("Schedule")), default: .required, "all schedules, by name")
  ]

  private static let lastTick = [
    Field("tick_ts", time, default: .required, "the time of the tick, in seconds since 1970"),
    Field("time", text, default: .required, "the same in the time zone of the schedule"),
    Field("job_id", jobID, default: .required, "its run"), Field("status_url", text, default: .required, "its status"),
  ]

  private static let scheduleOrigin = [
    Field("name", text, default: .required, "the name of the schedule"),
    Field("tick_ts", time, default: .required, "the time of the tick"),
  ]

  // MARK: Service

  private static let health = [
    Field(
      "status", .value(.oneOf(["ok", "degraded", "unavailable"])), default: .required,
      "whether runs are executed; degraded: not those of some partitions"),
    Field("redis", .value(.oneOf(["ok", "unavailable"])), default: .required, "whether Redis answers"),
    Field("workers", count, "workers that take runs"),
    Field("drained", count, "workers that are alive and take no runs, because they were drained; absent if none"),
    Field(
      "missing", list(of: Field.reference("Missing")),
      "queued runs that no live worker can take, by what it would need; absent if there are none"),
    Field("queued", count, "runs that wait"),
    Field("started", count, "runs that are executed"),
    Field("callbacks", count, "callbacks that are not delivered yet; absent if none"),
    Field("fallbacks_last_hour", count, "placeholders in place of models within an hour; absent if none"),
    Field(
      "partitions_down", list(of: Field.reference("DownPartition")), "the partitions that are down; absent if none"),
    Field("repairs", map(of: ["type": "integer"]), "what was repaired in Redis; absent if nothing"),
    Field("warnings", list(of: ["type": "string"]), "what operators should know; absent if nothing"),
    Field("detail", text, "why the status is not ok"),
  ]

  private static let downPartition = [
    Field("partition", count, default: .required, "the number of the partition"),
    Field("reason", text, default: .required, "`unreachable`, or the code of what Redis answers, such as CLUSTERDOWN"),
  ]

  private static let cursor = Field.Shape.other("string or null", ["type": ["string", "null"]])
  private static let truth = Field.Shape.other("boolean", ["const": true])

  private static let runs = [
    Field("runs", list(of: Field.reference("ListedRun")), default: .required, "the runs, the newest first"),
    Field("next", cursor, default: .required, "the `cursor` of the next page; null on the last one"),
  ]

  private static let counts = [
    Field("queued", count, default: .required, "runs that wait, for whatever"),
    Field("started", count, default: .required, "runs that workers hold"),
    Field("finished", count, default: .required, "those that have finished and are listed"),
    Field("failed", count, default: .required, "those that have failed and are listed"),
    Field("cancelled", count, default: .required, "those that were cancelled and are listed"),
    Field("parked", count, default: .required, "of the queued ones, those that wait for a time or are paused"),
    Field("paused", count, default: .required, "of these, those that are paused"),
    Field("oldest_queued_s", count, default: .required, "how long the oldest has waited that a worker could take"),
    Field("oldest_started_s", count, default: .required, "how long ago the oldest started run was first taken"),
  ]

  private static let listedRun = [
    Field("job_id", jobID, default: .required, "the run's id"),
    Field("run_name", text, default: .required, "as submitted"),
    Field("status", .value(.oneOf(RunStatus.allCases.map(\.rawValue))), default: .required, "the run's status"),
    Field("created_ts", timeOrNull, default: .required, "when it was submitted"),
    Field("started_ts", timeOrNull, default: .required, "when it was started"),
    Field("finished_ts", timeOrNull, default: .required, "when it ended"),
    Field("due_ts", time, "until when it waits outside its queue"),
    Field("paused", truth, "while it is paused"),
    Field("generation", count, "how often it was run again"),
    Field("reopened_ts", time, "when it was last run again"),
    Field("priority", text, "unless it is normal"),
    Field("labels", map(of: ["type": "string"]), "as submitted"),
    Field("owner", text, "whose it is, with API keys"),
    Field("schedule", text, "the name of the schedule that started it"),
    Field("degraded", truth, "a placeholder replaced a model's answer"),
    Field("error_code", text, "why it failed, for programs"),
    Field("error", text, "the beginning of why it failed"),
    Field("steps_in_flight", list(of: ["type": "string"]), "with dead=1: the steps that were under way"),
  ]

  private static let steered = [
    Field("runs", list(of: Field.reference("SteeredRun")), default: .required, "the runs that are meant"),
    Field("next", cursor, default: .required, "the `cursor` for those that follow; null when there are none"),
  ]

  private static let steeredRun = [
    Field("job_id", jobID, default: .required, "the run's id"),
    Field("run_name", text, default: .required, "as submitted"),
    Field("status", .value(.oneOf(RunStatus.allCases.map(\.rawValue))), default: .required, "the run's status now"),
    Field("done", .value(.boolean), "whether it was done; false when the run has changed meanwhile; not in a dry run"),
  ]

  private static let error = [Field("detail", text, default: .required, "what is wrong, in a sentence")]

  private static let validationError = [
    Field("detail", list(of: Field.reference("Fault")), default: .required, "every fault of the request")
  ]

  private static let fault = [
    Field("type", text, default: .required, "the kind of fault, as Pydantic names it"),
    Field("loc", list(of: ["type": ["string", "integer"]]), default: .required, "the way to it"),
    Field("msg", text, default: .required, "what is wrong, in a sentence"),
    Field("input", .other("any JSON", [:]), default: .required, "the rejected value, shortened where it is long"),
  ]
}
