import Scheduling

/// All minutes between two instants, as the clocks of a zone show them: what schedules are compared with. It knows how
/// clocks are changed, and nothing else of the code under test than offsets.
struct MinuteWalk {
  /// A minute that clocks show: the bit of each field's value.
  struct Reading {
    let minute, hour, day, month, weekday: UInt64
  }

  /// What happens at an instant.
  struct Minute {
    let instant: Int
    let reading: Reading
    /// Whether the clocks have shown this minute before.
    let isRepeated: Bool
    /// Whether minutes are left out immediately before.
    let isAfterGap: Bool
  }

  /// The first instant, a whole minute.
  let start: Int
  /// The end, which does not belong to it.
  let end: Int
  private var minutes: [Minute] = []
  /// The minutes that are left out before an instant.
  private var missing: [Int: [Reading]] = [:]

  init(_ zone: TimeZoneData, from start: Int, to end: Int) {
    self.start = start / 60 * 60
    self.end = end / 60 * 60
    var dates = Dates()
    // From some hours before: that may be where a repetition begins.
    var offset = zone.offset(at: self.start - 10_800)
    var repeatedUntil = Int.min
    for instant in stride(from: self.start - 10_800, to: self.end, by: 60) {
      let next = zone.offset(at: instant)
      if next < offset { repeatedUntil = instant + offset - next }
      if next > offset {
        missing[instant] = stride(from: instant + offset, to: instant + next, by: 60).map { dates.reading($0) }
      }
      let isAfterGap = next > offset
      offset = next
      guard instant >= self.start else { continue }
      minutes.append(
        Minute(
          instant: instant, reading: dates.reading(instant + offset), isRepeated: instant < repeatedUntil,
          isAfterGap: isAfterGap))
    }
  }

  /// The instants at which an expression is due.
  func due(_ expression: RandomExpression) -> [Int] {
    var due: [Int] = []
    for minute in minutes {
      var isDue = expression.matches(minute.reading)
      if !expression.followsRealTime {
        if minute.isRepeated { isDue = false }
        if minute.isAfterGap, let left = missing[minute.instant], left.contains(where: expression.matches) {
          isDue = true
        }
      }
      if isDue { due.append(minute.instant) }
    }
    return due
  }

  /// The Gregorian calendar, counted day by day from 1 January 2019, a Tuesday.
  private struct Dates {
    private var days: [(month: Int, day: Int)] = []
    private static let first = 17_897

    mutating func reading(_ local: Int) -> Reading {
      let day = local / 86_400 - Dates.first
      while days.count <= day { addYear() }
      return Reading(
        minute: 1 << UInt64(local / 60 % 60), hour: 1 << UInt64(local / 3_600 % 24), day: 1 << UInt64(days[day].day),
        month: 1 << UInt64(days[day].month), weekday: 1 << UInt64((day + 2) % 7))
    }

    private mutating func addYear() {
      let year = 2019 + (days.count + 30) / 365
      let lengths = [31, year % 4 == 0 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      for (month, length) in lengths.enumerated() { days += (1...length).map { (month + 1, $0) } }
    }
  }
}
