import SeededRandom

/// A cron expression together with the values that it was made from.
struct RandomExpression {
  /// The expression.
  let text: String
  /// Whether minute or hour begin with a star.
  let followsRealTime: Bool
  /// Some number.
  let position: Int
  private let values: MinuteWalk.Reading
  /// Whether one of the fields of days begins with a star.
  private let needsBothDays: Bool

  init(_ generator: inout SeededGenerator) {
    let fields = [0...59, 0...23, 1...31, 1...12, 0...6].enumerated().map { Field($0, $1, &generator) }
    text = fields.map(\.text).joined(separator: " ")
    followsRealTime = fields[0].beginsWithStar || fields[1].beginsWithStar
    needsBothDays = fields[2].beginsWithStar || fields[4].beginsWithStar
    values = MinuteWalk.Reading(
      minute: fields[0].values, hour: fields[1].values, day: fields[2].values, month: fields[3].values,
      weekday: fields[4].values)
    position = Int.random(in: 0..<1_000, using: &generator)
  }

  /// Whether clocks that show a minute show one of the expression.
  func matches(_ reading: MinuteWalk.Reading) -> Bool {
    if values.minute & reading.minute == 0 { return false }
    if values.hour & reading.hour == 0 || values.month & reading.month == 0 { return false }
    let (day, weekday) = (values.day & reading.day != 0, values.weekday & reading.weekday != 0)
    return needsBothDays ? day && weekday : day || weekday
  }

  /// A field, and the bit of each of its values.
  private struct Field {
    let beginsWithStar: Bool
    private(set) var text = ""
    private(set) var values: UInt64 = 0

    init(_ index: Int, _ range: ClosedRange<Int>, _ generator: inout SeededGenerator) {
      // Most hours, days and months are stars, as otherwise next to nothing is due in a few days.
      beginsWithStar = Int.random(in: 0..<10, using: &generator) < [2, 4, 7, 8, 6][index]
      let count = Int.random(in: 1...3, using: &generator)
      var words: [String] = []
      for part in 0..<(beginsWithStar && count < 3 ? 1 : count) {
        words.append(word(index, range, isStar: beginsWithStar && part == 0, &generator))
      }
      text = words.joined(separator: ",")
    }

    /// A part of a list, whose values are added to the field.
    private mutating func word(
      _ field: Int, _ range: ClosedRange<Int>, isStar: Bool, _ generator: inout SeededGenerator
    ) -> String {
      var (low, high, step) = (range.lowerBound, range.upperBound, 1)
      var text = "*"
      if !isStar {
        // Hours are mostly those in which clocks are changed.
        let telling = field == 1 && Bool.random(using: &generator) ? 0...3 : range
        low = Int.random(in: telling, using: &generator)
        let isSingle = Int.random(in: 0..<3, using: &generator) > 0
        high = isSingle ? low : Int.random(in: low...high, using: &generator)
        text = isSingle ? "\(low)" : "\(low)-\(high)"
        if isSingle, field == 4, low == 0, Bool.random(using: &generator) { text = "7" }
      }
      if Int.random(in: 0..<3, using: &generator) == 0, low < high || isStar {
        step = Int.random(in: 1...min(12, high - low + 1), using: &generator)
        text += "/\(step)"
      }
      for value in stride(from: low, through: high, by: step) { values |= 1 << UInt64(value) }
      return text
    }
  }
}
