extension ZoneRule {
  /// Reads a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`; nil if it is not one. Daylight saving time needs its days:
  /// where they are left out, POSIX says nothing.
  init?(_ text: ArraySlice<UInt8>) {
    var scan = Scan(rest: text)
    guard scan.skipName(), let west = scan.time(hours: 0...24) else { return nil }
    offset = -west
    if scan.rest.isEmpty {
      daylight = nil
      return
    }
    guard scan.skipName() else { return nil }
    var daylightOffset = offset + 3_600
    if scan.rest.first != UInt8(ascii: ",") {
      guard let west = scan.time(hours: 0...24) else { return nil }
      daylightOffset = -west
    }
    guard let start = scan.change(), let end = scan.change(), scan.rest.isEmpty else { return nil }
    daylight = Daylight(offset: daylightOffset, start: start, end: end)
  }

  /// What is left of a rule's text.
  private struct Scan {
    var rest: ArraySlice<UInt8>

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
      guard rest.first == UInt8(ascii: character) else { return false }
      rest.removeFirst()
      return true
    }

    /// A name of local time: three or more letters, or such a name in `<` and `>` that may have digits and signs.
    mutating func skipName() -> Bool {
      let isQuoted = skip("<")
      let name = rest.prefix { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"): isQuoted
        default: false
        }
      }
      rest = rest[name.endIndex...]
      return name.count >= 3 && (!isQuoted || skip(">"))
    }

    /// A number of up to three digits in a range.
    mutating func number(_ range: ClosedRange<Int>) -> Int? {
      let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard (1...3).contains(digits.count) else { return nil }
      rest = rest[digits.endIndex...]
      let number = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
      return range.contains(number) ? number : nil
    }

    /// Hours with a sign, minutes and seconds, the last two if they are there.
    mutating func time(hours: ClosedRange<Int>) -> Int? {
      let isNegative = skip("-")
      if !isNegative { _ = skip("+") }
      guard let hour = number(hours) else { return nil }
      var seconds = hour * 3_600
      for unit in [60, 1] where skip(":") {
        guard let part = number(0...59) else { return nil }
        seconds += part * unit
      }
      return isNegative ? -seconds : seconds
    }

    /// A comma, a day, and its time if it is not 02:00.
    mutating func change() -> Change? {
      guard skip(","), let day = day() else { return nil }
      guard skip("/") else { return Change(day: day, second: 2 * 3_600) }
      return time(hours: 0...167).map { Change(day: day, second: $0) }
    }

    private mutating func day() -> Day? {
      if skip("J") { return number(1...365).map(Day.withoutLeapDay) }
      guard skip("M") else { return number(0...365).map(Day.withLeapDay) }
      guard let month = number(1...12), skip("."), let week = number(1...5), skip("."), let weekday = number(0...6)
      else { return nil }
      return .weekday(month: month, week: week, weekday: weekday)
    }
  }
}
