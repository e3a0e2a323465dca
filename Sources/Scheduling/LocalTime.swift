import LinuxSupport

/// A date and a time of day as the clocks of some zone show them; the zone is not part of it.
public struct LocalTime: Sendable, Hashable, Comparable {
  /// Seconds since 1 January 1970, 00:00:00 local time, as if the offset from UTC never changed.
  public let seconds: Int

  /// A local time by its seconds since 1 January 1970, 00:00:00.
  public init(seconds: Int) { self.seconds = seconds }

  /// A local time by its parts. A part beyond its range counts on into the next larger one, as 24:00 is the next day's
  /// 00:00; the month must be 1 to 12.
  public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    precondition((1...12).contains(month), "a month is 1 to 12")
    let days = CivilDate(year: year, month: month, day: day).number
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
  }

  /// The earlier of two comes first.
  public static func < (one: LocalTime, other: LocalTime) -> Bool { one.seconds < other.seconds }

  /// In ISO 8601, such as `2027-03-28T02:30:00`.
  public var text: String {
    var text: [UInt8] = []
    write(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// The day.
  var date: CivilDate { CivilDate(number: seconds.dividedDown(by: 86_400)) }

  /// Appends the text.
  func write(to text: inout [UInt8]) {
    let (date, second) = (self.date, seconds.remainderUp(by: 86_400))
    text.append(decimal: date.year, digits: 4)
    for part in [date.month, date.day] {
      text.append(UInt8(ascii: "-"))
      text.append(decimal: part, digits: 2)
    }
    text.append(UInt8(ascii: "T"))
    text.append(decimal: second / 3_600, digits: 2)
    for part in [second / 60 % 60, second % 60] {
      text.append(UInt8(ascii: ":"))
      text.append(decimal: part, digits: 2)
    }
  }
}
