/// A field of a cron expression; the cases are in the order of an expression.
public enum CronField: String, Sendable, CaseIterable {
  /// The minute of an hour.
  case minute
  /// The hour of a day.
  case hour
  /// The day of a month.
  case day
  /// The month of a year.
  case month
  /// The day of a week.
  case weekday

  /// The numbers that the field takes; among the weekdays 7 is Sunday too.
  public var range: ClosedRange<Int> { self == .weekday ? 0...7 : all }

  /// The values that `*` means; Sunday is 0.
  var all: ClosedRange<Int> {
    switch self {
    case .minute: 0...59
    case .hour: 0...23
    case .day: 1...31
    case .month: 1...12
    case .weekday: 0...6
    }
  }

  /// The names of the values of `all`.
  var names: [String] {
    switch self {
    case .minute, .hour, .day: []
    case .month: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    case .weekday: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    }
  }

  /// What the field takes, as a sentence says it.
  var meaning: String {
    switch self {
    case .minute: "0 to 59"
    case .hour: "0 to 23"
    case .day: "1 to 31"
    case .month: "1 to 12, or jan to dec"
    case .weekday: "0 to 7, or sun to sat; 0 and 7 are Sunday"
    }
  }
}

/// The values that one field of an expression matches.
struct CronValues: Sendable, Equatable {
  /// The field.
  let field: CronField
  /// The bit of each value that matches.
  private(set) var bits: UInt64 = 0
  /// Whether the field's text begins with `*`, so that it is no restriction: see ``CronExpression``.
  let beginsWithStar: Bool

  init(field: CronField, beginsWithStar: Bool) {
    self.field = field
    self.beginsWithStar = beginsWithStar
  }

  /// Whether a value matches.
  func contains(_ value: Int) -> Bool { bits & 1 << UInt64(value) != 0 }

  /// The lowest value that matches and is not below a number, which is 0 to 63.
  func first(from low: Int) -> Int? {
    let left = bits & (UInt64.max << UInt64(low))
    return left == 0 ? nil : left.trailingZeroBitCount
  }

  /// Adds values; 7 is added as Sunday, which is 0.
  mutating func insert(_ values: some Sequence<Int>) {
    for value in values { bits |= 1 << UInt64(field == .weekday ? value % 7 : value) }
  }
}
