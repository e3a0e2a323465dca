/// Why a schedule is refused although its parts can be read.
public enum ScheduleError: Error, Sendable, Equatable {
  /// This expression has no time in the next ten years.
  case neverDue(String)
  /// The interval, in seconds, is outside one second to ten years.
  case interval(Int)
  /// An interval begins at this instant, which is not in the years 1 to 9999.
  case anchor(Int)
}

extension ScheduleError: CustomStringConvertible {
  /// A sentence for the author of the schedule.
  public var description: String {
    switch self {
    case .neverDue(let text): "The schedule \(text) has no time in the next ten years."
    case .interval(let seconds): "An interval is 1 to \(Schedule.horizon) seconds, not \(seconds)."
    case .anchor(let instant): "An interval begins in the years 1 to 9999, not \(instant) seconds after 1970."
    }
  }
}
