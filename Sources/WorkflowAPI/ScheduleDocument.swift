import ExactJSON
import Scheduling
import Workflow
import WorkflowStore

/// Renders a schedule as JSON.
struct ScheduleDocument {
  private let stored: StoredSchedule
  private let specification: ScheduleSpecification?
  /// Its times; nil where this host lacks the data of its zone.
  private let schedule: Schedule?
  private let now: Int
  private let shownTimes: Int

  /// - Parameters:
  ///   - now: Redis's clock when the schedule was read, in seconds since 1970.
  ///   - times: how many times are shown.
  init(_ stored: StoredSchedule, zones: inout KnownZones, now: Int, times: Int) {
    self.stored = stored
    self.now = now
    shownTimes = times
    specification = (try? JSONValue(parsing: stored.specification)).flatMap { ScheduleSpecification(json: $0) }
    schedule = try? specification?.schedule(in: &zones)
  }

  /// The document. The run comes last, as it was submitted, if it was read.
  var bytes: [UInt8] {
    let name = ScheduleName(stored: stored.name)
    var object: JSONObject = ["name": .string(name.name)]
    if let owner = name.owner { object["owner"] = .string(owner) }
    for member in specification?.json.members ?? [] { object[member.key] = member.value }
    object["run_name"] = .string(stored.runName)
    object["created_ts"] =
      JSONNumber(text: String(decoding: stored.createdAt, as: UTF8.self)).map(JSONValue.number) ?? .null
    object["next_ts"] = stored.next.map { .number(JSONNumber($0)) } ?? .null
    object["next_times"] = .array(nextTimes.map { .string(text(of: $0)) })
    object["last"] = last
    object["runs"] = .number(JSONNumber(stored.runs))
    object["skipped"] = .number(JSONNumber(stored.skipped))
    let head = JSONValue.object(object).bytes
    guard let run = stored.body else { return head }
    return head.dropLast() + Array(",\"run\":".utf8) + run + [UInt8(ascii: "}")]
  }

  /// When it is due next, which may have passed, and the times that follow.
  private var nextTimes: [Int] {
    guard let next = stored.next else { return [] }
    return [next] + (schedule?.next(shownTimes - 1, after: max(next, now)) ?? [])
  }

  /// The last tick that was fired, and its run.
  private var last: JSONValue {
    guard let tick = stored.fired.last, let job = stored.job else { return .null }
    return [
      "tick_ts": .number(JSONNumber(tick)), "time": .string(text(of: tick)), "job_id": .string("\(job)"),
      "status_url": .string("/status/\(job)"),
    ]
  }

  /// A time in ISO 8601 by the clocks of the zone.
  private func text(of instant: Int) -> String {
    guard case .cron(_, let zone)? = schedule?.rule else { return TimeZoneData.utc.text(of: instant) }
    return zone.text(of: instant)
  }
}
