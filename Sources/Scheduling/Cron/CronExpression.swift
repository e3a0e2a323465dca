/// When something is due in local time: a cron expression of five fields, minute, hour, day of the month, month and
/// weekday.
///
/// A field is a list, divided by commas, of `*`, values, and ranges `a-b`. `*` and ranges may have a step, `*/15`; a
/// value with a step continues to the end of the field. Months and weekdays have names of three letters; 0 and 7 are
/// Sunday.
///
/// A field that begins with `*` is no restriction, also if it has a step. This matters twice, as in Debian's cron:
/// - If both fields of days are restrictions, a day that matches either matches. Otherwise it has to match both.
/// - If the field of the minute or the hour is none, the schedule follows real time when clocks are changed: see
///   ``Schedule``.
public struct CronExpression: Sendable, Equatable {
  /// The longest text, in bytes.
  public static let longestText = 1_000

  let minute, hour, day, month, weekday: CronValues

  /// Parses a text. Fields are divided by spaces or tabs; upper and lower case are the same. The words `@hourly`,
  /// `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually` are names of whole expressions.
  public init(_ text: String) throws(CronError) {
    guard text.utf8.count <= CronExpression.longestText else {
      throw CronError(.tooLong(limit: CronExpression.longestText))
    }
    var words = text.split { $0 == " " || $0 == "\t" }
    if let first = words.first, first.hasPrefix("@") {
      guard words.count == 1, let meaning = CronExpression.nicknames[first.lowercased()] else {
        throw CronError(.unknownNickname, word: String(words.count == 1 || first == "@every" ? first : Substring(text)))
      }
      words = meaning.split(separator: " ")
    }
    guard words.count == CronField.allCases.count else { throw CronError(.fieldCount(words.count)) }
    minute = try CronFieldParser.values(of: words[0], .minute)
    hour = try CronFieldParser.values(of: words[1], .hour)
    day = try CronFieldParser.values(of: words[2], .day)
    month = try CronFieldParser.values(of: words[3], .month)
    weekday = try CronFieldParser.values(of: words[4], .weekday)
  }

  private static let nicknames = [
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
  ]

  /// Whether the minute or the hour is no restriction, so that the schedule follows real time when clocks are changed.
  public var followsRealTime: Bool { minute.beginsWithStar || hour.beginsWithStar }

  /// The shortest of the expressions that mean the same, in numbers. Equal expressions have the same text, and the text
  /// parses to an equal expression.
  public var text: String { [minute, hour, day, month, weekday].map(\.text).joined(separator: " ") }
}

extension CronExpression: CustomStringConvertible {
  /// The same as ``text``.
  public var description: String { text }
}

extension CronValues {
  /// The values as a field of an expression.
  var text: String {
    guard beginsWithStar else { return ranges.joined(separator: ",") }
    // The parser has let in a field with * only with one of these steps.
    let step = (1...field.all.count).first { step in
      stride(from: field.all.lowerBound, through: field.all.upperBound, by: step).allSatisfy(contains)
    }
    var rest = CronValues(field: field, beginsWithStar: false)
    rest.insert(field.all.filter { contains($0) && !($0 - field.all.lowerBound).isMultiple(of: step ?? 1) })
    return ([step == 1 ? "*" : "*/\(step ?? 1)"] + rest.ranges).joined(separator: ",")
  }

  /// The values in order; three and more in sequence as a range.
  private var ranges: [String] {
    var ranges: [String] = []
    var next = first(from: 0)
    while let low = next {
      var high = low
      while contains(high + 1) { high += 1 }
      switch high - low {
      case 0: ranges.append("\(low)")
      case 1: ranges += ["\(low)", "\(high)"]
      default: ranges.append("\(low)-\(high)")
      }
      next = first(from: high + 1)
    }
    return ranges
  }
}
