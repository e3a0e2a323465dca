public import ExactJSON
public import Scheduling

/// What becomes of ticks that could not be fired in time.
public enum MissedPolicy: String, Sendable, CaseIterable {
  /// They are left out.
  case skip
  /// The latest of those that are due is fired.
  case once
  /// Each is fired, the latest 1,000.
  case all
}

/// What becomes of a tick while the run of the last one has not ended.
public enum OverlapPolicy: String, Sendable, CaseIterable {
  /// It is fired.
  case allow
  /// It is left out.
  case skip
  /// It waits until the run has ended.
  case wait
}

/// What a schedule says besides its run: when it is due, and what becomes of ticks that are missed or that overlap.
public struct ScheduleSpecification: Sendable, Equatable {
  /// What makes the times.
  public enum Rule: Sendable, Equatable {
    /// A cron expression as it was written, and the name of a time zone.
    case cron(String, zone: String)
    /// An interval in seconds after an instant, which is the first time.
    case interval(seconds: Int, anchor: Int)
  }

  /// What makes the times.
  public let rule: Rule
  /// What becomes of ticks that could not be fired in time.
  public var missed = MissedPolicy.once
  /// What becomes of a tick while the run of the last one has not ended.
  public var overlap = OverlapPolicy.allow
  /// Whether the schedule is due at no time.
  public var isPaused = false

  /// A specification with the defaults.
  public init(_ rule: Rule) { self.rule = rule }

  /// The specification as clients see it and as it is stored.
  public var json: JSONObject {
    var object: JSONObject
    switch rule {
    case .cron(let text, let zone): object = ["cron": .string(text), "time_zone": .string(zone)]
    case .interval(let seconds, let anchor):
      object = ["every_s": .number(JSONNumber(seconds)), "anchor_ts": .number(JSONNumber(anchor))]
    }
    object["missed"] = .string(missed.rawValue)
    object["overlap"] = .string(overlap.rawValue)
    object["paused"] = .bool(isPaused)
    return object
  }

  /// Reads what ``json`` writes; nil for any other value.
  public init?(json value: JSONValue) {
    guard let object = value.objectValue,
      let missed = object["missed"]?.stringValue.flatMap(MissedPolicy.init(rawValue:)),
      let overlap = object["overlap"]?.stringValue.flatMap(OverlapPolicy.init(rawValue:))
    else { return nil }
    if let text = object["cron"]?.stringValue, let zone = object["time_zone"]?.stringValue {
      rule = .cron(text, zone: zone)
    } else if let seconds = object["every_s"]?.numberValue?.int, let anchor = object["anchor_ts"]?.numberValue?.int {
      rule = .interval(seconds: seconds, anchor: anchor)
    } else {
      return nil
    }
    self.missed = missed
    self.overlap = overlap
    isPaused = object["paused"] == .bool(true)
  }

  /// The same for all specifications that are due at the same times.
  public var ruleText: String {
    let times =
      switch rule {
      case .cron(let text, let zone): "cron \((try? CronExpression(text))?.text ?? text) \(zone)"
      case .interval(let seconds, let anchor): "every \(seconds) \(anchor)"
      }
    return isPaused ? "paused \(times)" : times
  }

  /// The times of a specification that was accepted.
  /// - Throws: `CronError`, `TimeZoneError` or `ScheduleError`.
  public func schedule(in zones: inout KnownZones) throws -> Schedule {
    switch rule {
    case .cron(let text, let zone):
      Schedule(accepted: try CronExpression(text), in: try zones.zone(named: zone))
    case .interval(let seconds, let anchor): try Schedule(every: seconds, from: anchor)
    }
  }
}
