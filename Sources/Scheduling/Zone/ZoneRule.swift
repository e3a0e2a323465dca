/// A rule for the offsets of all years: the value of `TZ` in POSIX (XBD, section 8.3), with the extension of RFC 9636,
/// section 3.3.1.
struct ZoneRule: Sendable, Equatable {
  /// The day of a year on which the clocks are changed.
  enum Day: Sendable, Equatable {
    /// `Jn`: day 1 to 365; 29 February is not counted.
    case withoutLeapDay(Int)
    /// `n`: day 0 to 365; 29 February is counted.
    case withLeapDay(Int)
    /// `Mm.w.d`: a weekday, 0 for Sunday, in the week 1 to 5 of a month; 5 is the last.
    case weekday(month: Int, week: Int, weekday: Int)
  }

  /// When the clocks are changed in each year: on a day, a number of seconds after its 00:00 by the clock before the
  /// change. The seconds may be negative, and more than those of a day.
  struct Change: Sendable, Equatable {
    let day: Day
    let second: Int
  }

  /// Daylight saving time: its offset, and its first and last day.
  struct Daylight: Sendable, Equatable {
    let offset: Int
    let start: Change
    let end: Change
  }

  /// Seconds that local time is ahead of UTC while there is no daylight saving time.
  let offset: Int
  /// Daylight saving time; nil for a zone without.
  let daylight: Daylight?

  /// The period of an instant.
  func period(at instant: Int) -> ZonePeriod {
    guard let daylight else {
      return ZonePeriod(start: ZonePeriod.distantPast, end: ZonePeriod.distantFuture, offset: offset)
    }
    let year = CivilDate(number: (instant + offset).dividedDown(by: 86_400)).year
    var (start, end, current) = (ZonePeriod.distantPast, ZonePeriod.distantFuture, offset)
    // The time of a change may be a week away from its day, so two years in each direction are enough.
    for year in year - 2...year + 2 {
      for change in changes(in: year, daylight) {
        if change.instant > instant {
          end = min(end, change.instant)
        } else if change.instant >= start {
          // Of two at the same instant the later one holds: if daylight saving time begins as it ends, it continues.
          (start, current) = change
        }
      }
    }
    return ZonePeriod(start: start, end: end, offset: current)
  }

  /// The changes of a year. If daylight saving time lasts as long as the year, it does not end.
  private func changes(in year: Int, _ daylight: Daylight) -> [(instant: Int, offset: Int)] {
    let start = daylight.start.second(in: year) - offset
    let end = daylight.end.second(in: year) - daylight.offset
    let length = (CivilDate.isLeap(year) ? 366 : 365) * 86_400
    let beginning = (instant: start, offset: daylight.offset)
    return end - start >= length ? [beginning] : [(instant: end, offset: offset), beginning]
  }
}

extension ZoneRule.Change {
  /// Seconds since 1970 by the clock before the change.
  func second(in year: Int) -> Int { dayNumber(in: year) * 86_400 + second }

  private func dayNumber(in year: Int) -> Int {
    let newYear = CivilDate(year: year, month: 1, day: 1).number
    switch day {
    case .withoutLeapDay(let day): return newYear + day - (CivilDate.isLeap(year) && day > 59 ? 0 : 1)
    case .withLeapDay(let day): return newYear + day
    case .weekday(let month, let week, let weekday):
      let first = CivilDate(year: year, month: month, day: 1)
      let day = 1 + (weekday - first.weekday).remainderUp(by: 7) + (week - 1) * 7
      return first.number + (day > CivilDate.daysIn(month: month, of: year) ? day - 7 : day) - 1
    }
  }
}
