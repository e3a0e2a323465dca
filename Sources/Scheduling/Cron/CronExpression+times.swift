extension CronExpression {
  /// The longest time between two times of an expression: 29 February is on the same weekday at the latest after 40
  /// years, over a year such as 2100 that is no leap year.
  private static let longestDays = 41 * 366

  /// The first local time that matches, by the minute, and is not before another one; nil if the expression never
  /// matches. The work is bounded by the months of 41 years.
  func firstTime(atOrAfter local: LocalTime) -> LocalTime? {
    let start = -(-local.seconds).dividedDown(by: 60)
    var date = CivilDate(number: start.dividedDown(by: 1_440))
    var minuteOfDay = start - date.number * 1_440
    let end = date.number + CronExpression.longestDays
    while date.number < end {
      if !month.contains(date.month) {
        date.advanceToNextMonth()
      } else {
        if matches(date), let found = firstMinute(from: minuteOfDay) {
          return LocalTime(seconds: date.number * 86_400 + found * 60)
        }
        date.advance()
      }
      minuteOfDay = 0
    }
    return nil
  }

  /// Whether a day of a month that matches matches.
  private func matches(_ date: CivilDate) -> Bool {
    let (byDay, byWeekday) = (day.contains(date.day), weekday.contains(date.weekday))
    return day.beginsWithStar || weekday.beginsWithStar ? byDay && byWeekday : byDay || byWeekday
  }

  /// The first minute of a day that matches, from a minute on.
  private func firstMinute(from start: Int) -> Int? {
    let (startHour, startMinute) = start.quotientAndRemainder(dividingBy: 60)
    if hour.contains(startHour), let found = minute.first(from: startMinute) { return startHour * 60 + found }
    guard let found = hour.first(from: startHour + 1), let first = minute.first(from: 0) else { return nil }
    return found * 60 + first
  }
}
