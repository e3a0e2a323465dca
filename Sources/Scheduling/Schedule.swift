/// When something is due again and again: by a cron expression in a time zone, or at an interval.
///
/// Instants are seconds since 1970 in UTC. When clocks are changed, the times of an expression are those of Debian's
/// cron, but for one that two of its minutes bring to the same instant:
///
/// - An expression whose minute or hour begins with `*` follows real time: it is due whenever the clocks show a minute
///   that matches. None is made up for what the clocks leave out, and what they show twice is due twice.
/// - Any other names fixed times. A time that the clocks leave out is due once, at the first instant after the gap,
///   together with all others that are left out or are that instant's own. A time that they show twice is due at the
///   first.
public struct Schedule: Sendable, Equatable {
  /// What makes the times.
  public enum Rule: Sendable, Equatable {
    /// A cron expression by the clocks of a zone.
    case cron(CronExpression, TimeZoneData)
    /// The anchor, an instant, and a time after each interval from there on.
    case interval(seconds: Int, anchor: Int)
  }

  /// What makes the times.
  public let rule: Rule

  /// Ten years in seconds: a schedule that is not due within them is refused.
  public static let horizon = 3_653 * 86_400

  /// A schedule by a cron expression in a zone.
  /// - Throws: an error if it has no time within ten years from an instant on, such as on 30 February.
  public init(
    _ expression: CronExpression, in zone: TimeZoneData = .utc, from instant: Int
  ) throws(ScheduleError) {
    rule = .cron(expression, zone)
    let start = max(instant, TimeZoneData.supported.lowerBound - 1)
    guard let first = next(after: start), first - start <= Schedule.horizon else {
      throw .neverDue(expression.text)
    }
  }

  /// A schedule by a cron expression in a zone that was accepted before, whenever its next time is.
  public init(accepted expression: CronExpression, in zone: TimeZoneData) { rule = .cron(expression, zone) }

  /// A schedule at an interval of 1 second to ten years. The anchor is its first time.
  public init(every seconds: Int, from anchor: Int) throws(ScheduleError) {
    guard (1...Schedule.horizon).contains(seconds) else { throw .interval(seconds) }
    guard TimeZoneData.supported.contains(anchor) else { throw .anchor(anchor) }
    rule = .interval(seconds: seconds, anchor: anchor)
  }

  /// The next time after an instant; nil beyond the year 9999.
  ///
  /// It may be more than ten years away, such as 29 February as a Sunday. The work is bounded: at most the months of 41
  /// years, for each change of the clocks in them.
  public func next(after instant: Int) -> Int? {
    let supported = TimeZoneData.supported
    guard instant < supported.upperBound else { return nil }
    let instant = max(instant, supported.lowerBound - 1)
    let next =
      switch rule {
      case .interval(let seconds, let anchor):
        instant < anchor ? anchor : anchor + ((instant - anchor) / seconds + 1) * seconds
      case .cron(let expression, let zone) where expression.followsRealTime:
        Schedule.nextMatch(of: expression, in: zone, after: instant)
      case .cron(let expression, let zone):
        expression.firstTime(atOrAfter: LocalTime(seconds: zone.latestLocal(upTo: instant).seconds + 1))
          .map(zone.firstInstant)
      }
    return next.flatMap { supported.contains($0) ? $0 : nil }
  }

  /// The next times after an instant, as many as asked for or as there are.
  public func next(_ count: Int, after instant: Int) -> [Int] {
    var times: [Int] = []
    while times.count < count, let time = next(after: times.last ?? instant) { times.append(time) }
    return times
  }

  /// The first instant after another one at which the clocks show a minute that matches.
  private static func nextMatch(of expression: CronExpression, in zone: TimeZoneData, after instant: Int) -> Int? {
    var start = instant + 1
    while start <= TimeZoneData.supported.upperBound {
      let period = zone.period(at: start)
      guard let match = expression.firstTime(atOrAfter: LocalTime(seconds: start + period.offset)) else { return nil }
      let time = match.seconds - period.offset
      if time < period.end { return time }
      start = period.end
    }
    return nil
  }
}
