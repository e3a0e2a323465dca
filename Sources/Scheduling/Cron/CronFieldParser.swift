/// Parses one field of a cron expression: a list of `*`, values and ranges, each of which may have a step.
struct CronFieldParser {
  private let field: CronField
  /// The part of the list that is being parsed.
  private let part: Substring

  /// The values of a field.
  static func values(of word: Substring, _ field: CronField) throws(CronError) -> CronValues {
    var values = CronValues(field: field, beginsWithStar: word.utf8.first == UInt8(ascii: "*"))
    for part in word.split(separator: ",", omittingEmptySubsequences: false) {
      guard !part.isEmpty else { throw CronError(.missingValue, in: field, word: String(word)) }
      values.insert(try CronFieldParser(field: field, part: part).values())
    }
    return values
  }

  private func error(_ problem: CronError.Problem) -> CronError { CronError(problem, in: field, word: String(part)) }

  private func values() throws(CronError) -> StrideThrough<Int> {
    if let instead = foreignNotation { throw error(.unsupported(instead)) }
    let halves = part.split(separator: "/", omittingEmptySubsequences: false)
    guard halves.count <= 2 else { throw error(.unknownValue) }
    guard !halves.contains("") else { throw error(.missingValue) }
    let range = try range(halves[0], hasStep: halves.count == 2)
    guard halves.count == 2 else { return stride(from: range.lowerBound, through: range.upperBound, by: 1) }
    let step = try number(halves[1])
    guard step > 0 else { throw error(.zeroStep) }
    guard step <= range.count else { throw error(.stepTooLarge(values: range.count)) }
    return stride(from: range.lowerBound, through: range.upperBound, by: step)
  }

  /// The range before a step. A single value with a step continues to the end, as in most programs.
  private func range(_ text: Substring, hasStep: Bool) throws(CronError) -> ClosedRange<Int> {
    if text == "*" { return field.all }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count <= 2 else { throw error(.unknownValue) }
    guard !ends.contains("") else { throw error(.missingValue) }
    let low = try value(ends[0])
    if ends.count == 1 {
      guard hasStep else { return low...low }
      // A step from Sunday to Saturday.
      return field == .weekday ? (low % 7)...6 : low...field.all.upperBound
    }
    var high = try value(ends[1])
    // A week may end with its Sunday: sat-sun. It has only one in sun-sun.
    if field == .weekday, high == 0, low > 0, CronFieldParser.isName(ends[1]) { high = 7 }
    guard low <= high else { throw error(.backwards(instead: instead(of: low, high))) }
    return low...high
  }

  /// The ranges that a range over the end of the field means.
  private func instead(of low: Int, _ high: Int) -> String {
    func text(_ low: Int, _ high: Int) -> String { low == high ? "\(low)" : "\(low)-\(high)" }
    if field == .weekday, low == 7 { return text(0, high) }
    return "\(text(low, field.all.upperBound)),\(text(field.all.lowerBound, high))"
  }

  /// A value by its number or its name.
  private func value(_ text: Substring) throws(CronError) -> Int {
    let name = text.lowercased()
    if let index = field.names.firstIndex(of: name) { return field.all.lowerBound + index }
    let number = try number(text)
    guard field.range.contains(number) else { throw error(.outOfRange(String(text))) }
    return number
  }

  /// A number in decimal; one of more than nine digits is some number above all ranges.
  private func number(_ text: Substring) throws(CronError) -> Int {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      throw error(.unknownValue)
    }
    return text.utf8.count > 9 ? .max : Int(text) ?? .max
  }

  private static func isName(_ text: Substring) -> Bool {
    text.utf8.first.map { $0 > UInt8(ascii: "9") } ?? false
  }

  /// What to do in place of a notation that other programs have; nil for what may be known here.
  private var foreignNotation: String? {
    if part.contains("#") { return "a weekday is one of every week" }
    if part.contains("?") { return "write *" }
    if part.contains("~") { return "random values are not drawn; write a number" }
    guard field == .day || field == .weekday else { return nil }
    // W and L alone, or behind a number or a name.
    let word = part.lowercased()
    let letters = word.filter { $0.isLetter }
    if ["l", "lw"].contains(letters) || letters.hasSuffix("l") && field.names.contains(String(letters.dropLast())) {
      return "there is no notation for the last day; 28 is in every month"
    }
    return letters == "w" ? "there is no notation for the nearest working day; write a number" : nil
  }
}
