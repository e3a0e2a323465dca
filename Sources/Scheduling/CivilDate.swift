/// A day of the Gregorian calendar, also before its introduction.
///
/// Both directions of the conversion are those of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years
/// begin in March, so the leap day is the last of its year, and 400 years have 146,097 days.
struct CivilDate: Equatable {
  /// The year.
  private(set) var year: Int
  /// 1 to 12.
  private(set) var month: Int
  /// 1 to 31.
  private(set) var day: Int
  /// Days since 1 January 1970.
  private(set) var number: Int

  /// The date that is this number of days after 1 January 1970.
  init(number: Int) {
    self.number = number
    let sinceMarch = number + 719_468
    let era = sinceMarch.dividedDown(by: 146_097)
    let dayOfEra = sinceMarch - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shifted + 2) / 5 + 1
    month = shifted < 10 ? shifted + 3 : shifted - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// A date by its parts; a month of 1 to 12 is the caller's promise. A day beyond the month counts on into the next.
  init(year: Int, month: Int, day: Int) {
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted.dividedDown(by: 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    self.init(number: era * 146_097 + dayOfEra - 719_468)
  }

  /// 0 for Sunday to 6 for Saturday.
  var weekday: Int { (number + 4).remainderUp(by: 7) }

  /// Goes on to the next day.
  mutating func advance() {
    number += 1
    day += 1
    if day > CivilDate.daysIn(month: month, of: year) {
      day = 1
      (year, month) = month == 12 ? (year + 1, 1) : (year, month + 1)
    }
  }

  /// Goes on to the first day of the next month.
  mutating func advanceToNextMonth() {
    number += CivilDate.daysIn(month: month, of: year) - day + 1
    day = 1
    (year, month) = month == 12 ? (year + 1, 1) : (year, month + 1)
  }

  /// Whether a year has a 29 February.
  static func isLeap(_ year: Int) -> Bool {
    year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
  }

  /// How many days a month has.
  static func daysIn(month: Int, of year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

extension Int {
  /// The quotient, rounded down also for negative numbers.
  func dividedDown(by divisor: Int) -> Int {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// What `dividedDown(by:)` leaves, from 0 to below the divisor.
  func remainderUp(by divisor: Int) -> Int { self - dividedDown(by: divisor) * divisor }
}
