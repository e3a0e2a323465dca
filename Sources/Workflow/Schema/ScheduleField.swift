package import ExactJSON
import Scheduling

/// The fields of a schedule, as clients send it.
package enum ScheduleField {
  static let cron = Field(
    "cron", .other("string", ["type": "string", "examples": ["0 2 * * *"]]),
    "a cron expression, or `every_s` in its place")
  static let zone = Field(
    "time_zone", .other("string", ["type": "string", "examples": ["Europe/Berlin"]]), default: .words("`UTC`"),
    "the time zone of `cron`, by its name in the time zone data of the system")
  static let interval = Field(
    "every_s", .value(.integer(1...Schedule.horizon)), "seconds between two ticks, in place of `cron`")
  static let anchor = Field(
    "anchor_ts", .value(.integer(0 ... .max)), default: .value(0),
    "the first tick of an interval, in seconds since 1970; at most ten years from now")
  static let missed = Field(
    "missed", .value(.oneOf(MissedPolicy.allCases.map(\.rawValue))), default: .value("once"),
    "what becomes of ticks that could not be fired in time")
  static let overlap = Field(
    "overlap", .value(.oneOf(OverlapPolicy.allCases.map(\.rawValue))), default: .value("allow"),
    "what becomes of a tick while the run of the last one has not ended")
  static let paused = Field(
    "paused", .value(.boolean), default: .value(false), "whether the schedule is due at no time")
  static let run = Field(
    "run",
    .other(
      "object",
      ["allOf": [.object(Field.reference("Workflow")), ["not": ["required": [.string(RunField.runAt.name)]]]]]),
    default: .required, "the run, as it is submitted, without `run_at`")

  /// All of them.
  package static let all = [cron, zone, interval, anchor, missed, overlap, paused, run]

  /// The JSON Schema of a schedule that is sent: it has a cron expression or an interval.
  package static let schema = Field.object(all).merging([
    "description": "A schedule: when it is due, and the run that each of its ticks starts.",
    "oneOf": [
      ["required": ["cron"], "not": ["anyOf": [["required": ["every_s"]], ["required": ["anchor_ts"]]]]],
      ["required": ["every_s"], "not": ["anyOf": [["required": ["cron"]], ["required": ["time_zone"]]]]],
    ],
    "not": [
      "properties": ["missed": ["const": "all"], "overlap": ["const": "skip"]], "required": ["missed", "overlap"],
    ],
  ])
}
