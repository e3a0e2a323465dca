/// Dates and times of the internet (RFC 3339, section 5.6), such as `2026-12-24T18:00:00.5+01:00`.
package enum DateTime {
  /// Milliseconds since 1970, a fraction of one rounded up, below zero before; nil when the text has another form, or
  /// names a day or an hour that does not exist. A leap second counts as the second after it.
  package static func milliseconds(of text: String) -> Int? {
    var bytes = Array(text.utf8)[...]
    guard let year = digits(4, &bytes), take("-", &bytes), let month = digits(2, &bytes), take("-", &bytes),
      let day = digits(2, &bytes), take("Tt ", &bytes), let hour = digits(2, &bytes), take(":", &bytes),
      let minute = digits(2, &bytes), take(":", &bytes), let second = digits(2, &bytes),
      let fraction = fraction(&bytes), let offset = offset(&bytes), bytes.isEmpty,
      (1...12).contains(month), (1...days(of: month, year)).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    let seconds = ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second
    return seconds * 1_000 + fraction
  }

  private static func take(_ characters: String, _ bytes: inout ArraySlice<UInt8>) -> Bool {
    guard let first = bytes.first, characters.utf8.contains(first) else { return false }
    bytes.removeFirst()
    return true
  }

  private static func digits(_ count: Int, _ bytes: inout ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= count, let number = Int(digits: bytes.prefix(count)) else { return nil }
    bytes.removeFirst(count)
    return number
  }

  /// Milliseconds of a fraction of a second, 0 without one; nil for a point without digits.
  private static func fraction(_ bytes: inout ArraySlice<UInt8>) -> Int? {
    guard take(".", &bytes) else { return 0 }
    let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard !digits.isEmpty else { return nil }
    bytes.removeFirst(digits.count)
    let known = digits.prefix(3)
    let milliseconds = (0..<3).reduce(0) { sum, index in
      sum * 10 + (index < known.count ? Int(known[known.startIndex + index] - UInt8(ascii: "0")) : 0)
    }
    return milliseconds + (digits.dropFirst(3).contains { $0 != UInt8(ascii: "0") } ? 1 : 0)
  }

  /// Minutes that the time is ahead of UTC.
  private static func offset(_ bytes: inout ArraySlice<UInt8>) -> Int? {
    if take("Zz", &bytes) { return 0 }
    let isAhead = bytes.first == UInt8(ascii: "+")
    guard take("+-", &bytes), let hours = digits(2, &bytes), take(":", &bytes), let minutes = digits(2, &bytes),
      hours < 24, minutes < 60
    else { return nil }
    return (hours * 60 + minutes) * (isAhead ? 1 : -1)
  }

  private static func days(of month: Int, _ year: Int) -> Int {
    let isLeapYear = year % 4 == 0 && year % 100 != 0 || year % 400 == 0
    return month == 2 ? (isLeapYear ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// Days from 1970-01-01 to a date of the Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date
  /// Algorithms", `days_from_civil`).
  private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }
}
