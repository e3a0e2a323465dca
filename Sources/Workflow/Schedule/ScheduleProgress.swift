public import Scheduling

/// Decides which ticks of a schedule are fired and when it is due next; instants are whole seconds of Redis's clock.
public struct ScheduleProgress: Sendable {
  /// How many missed ticks are fired where all are; of more, the latest.
  public static let mostMissed = 1_000
  /// Seconds after which a tick is missed, unless the next one is due before.
  public static let grace = 60
  /// Seconds that the clock may have gone back without a tick for each of them being fired again.
  static let longestStepBack = 86_400

  private let schedule: Schedule
  private let missed: MissedPolicy

  /// The progress of a schedule with a policy for missed ticks.
  public init(_ schedule: Schedule, missed: MissedPolicy) {
    self.schedule = schedule
    self.missed = missed
  }

  /// The ticks that are due.
  public struct Due: Sendable, Equatable {
    /// Those to fire, in order.
    public let ticks: [Int]
    /// How many before them are left out; more than 1,000 are counted as 1,000.
    public let left: Int
    /// The first time that is not due; nil for none.
    public let next: Int?
  }

  /// What is due of a schedule whose recorded time has come.
  /// - Parameter recorded: when it was to be due next. It counts as one of its times, also where the data of its zone
  ///   have changed meanwhile.
  public func due(from recorded: Int, now: Int) -> Due {
    let limit = ScheduleProgress.mostMissed
    let first = [recorded] + schedule.times(after: recorded, upTo: now, atMost: limit)
    let isMore = first.count > limit
    let latest = isMore ? schedule.latest(from: recorded + 1, upTo: now) ?? recorded : first[first.count - 1]
    let next = schedule.next(after: max(now, recorded))
    switch missed {
    case .all where isMore:
      let ticks = schedule.lastTimes(after: recorded, upTo: now, atMost: limit)
      let others = schedule.times(after: recorded, upTo: (ticks.first ?? now) - 1, atMost: limit).count + 1
      return Due(ticks: ticks, left: min(others, limit), next: next)
    case .all: return Due(ticks: first, left: 0, next: next)
    case .once: return Due(ticks: [latest], left: min(first.count - 1, limit), next: next)
    case .skip:
      let isMissed = now - latest > ScheduleProgress.grace
      return Due(ticks: isMissed ? [] : [latest], left: min(first.count - (isMissed ? 0 : 1), limit), next: next)
    }
  }

  /// When a schedule that is not due is due next; nil for never.
  ///
  /// After a step back of the clock, ticks that were fired are not due again: it is due at the first time that was not
  /// fired. Where the ticks that are remembered do not reach back to now, it is due after the last of them; unless that
  /// is more than a day away, as after a clock that was years ahead: then it is due as if it had fired none.
  /// - Parameter fired: the ticks that are remembered.
  public func next(after now: Int, fired: [Int]) -> Int? {
    guard let first = fired.min(), let last = fired.max(), last > now else { return schedule.next(after: now) }
    if first > now, first - now <= ScheduleProgress.longestStepBack { return schedule.next(after: last) }
    var next = schedule.next(after: now)
    while let time = next, fired.contains(time) { next = schedule.next(after: time) }
    return next
  }
}
