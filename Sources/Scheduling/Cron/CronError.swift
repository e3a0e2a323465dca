/// Why a text is not a cron expression.
public struct CronError: Error, Sendable, Equatable {
  /// The kinds of errors.
  public enum Problem: Sendable, Equatable {
    /// The text is longer than an expression may be, in bytes.
    case tooLong(limit: Int)
    /// The expression has this number of fields instead of five.
    case fieldCount(Int)
    /// A word that begins with `@` and is none of those known.
    case unknownNickname
    /// Something is missing before, between or behind commas, dashes and slashes.
    case missingValue
    /// Neither a number nor a name of the field.
    case unknownValue
    /// A number is out of the field's range.
    case outOfRange(String)
    /// The end of a range is before its beginning; this is probably meant.
    case backwards(instead: String)
    /// A step is 0.
    case zeroStep
    /// A step is larger than the number of values that it could go through.
    case stepTooLarge(values: Int)
    /// A notation of other programs that is not known here: what to do about it.
    case unsupported(String)
  }

  /// What is wrong.
  public let problem: Problem
  /// The field where it is wrong; nil where the error is not one field's.
  public let field: CronField?
  /// The part of the text that is wrong.
  public let word: String

  /// Creates an error, for the parser and for tests.
  public init(_ problem: Problem, in field: CronField? = nil, word: String = "") {
    self.problem = problem
    self.field = field
    self.word = word
  }
}

extension CronError: CustomStringConvertible {
  /// A sentence for the author of the expression: what is wrong, and what is allowed there.
  public var description: String {
    guard let field else { return "\(fault)." }
    return "In the field \(field), \(fault)."
  }

  private var fault: String {
    let (range, quoted) = (field?.meaning ?? "", Quoted(word))
    switch problem {
    case .tooLong(let limit): return "The expression is longer than \(limit) bytes"
    case .fieldCount(let count): return CronError.sentence(ofFields: count)
    case .unknownNickname: return unknownNickname
    case .missingValue: return "a value is missing in \(quoted)"
    case .unknownValue: return "\(quoted) is no value: \(range)"
    case .outOfRange(let number): return "\(Quoted(number)) is out of range: \(range)"
    case .backwards(let instead): return "the range \(quoted) goes backwards: write \(instead)"
    case .zeroStep: return "the step of \(quoted) is 0: it is 1 or more"
    case .stepTooLarge(let values):
      return "the step of \(quoted) leaves out all but the first of \(values) values: it is 1 to \(values)"
    case .unsupported(let instead): return "\(quoted) is not supported: \(instead)"
    }
  }

  private static func sentence(ofFields count: Int) -> String {
    let form = "an expression has five, minute, hour, day, month and weekday, such as 30 2 * * mon-fri"
    switch count {
    case 0: return "The expression is empty: \(form)"
    case 6, 7:
      return "The expression has \(count) fields: \(form). "
        + "Seconds and years are refused, because programs disagree on which field they are"
    default: return "The expression has \(count) \(count == 1 ? "field" : "fields"): \(form)"
    }
  }

  private var unknownNickname: String {
    let known = "@hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually"
    switch word.lowercased() {
    case "@every": return "@every is not supported: give an interval in place of the expression"
    case "@reboot": return "@reboot is not supported: a schedule has times"
    default: return "\(Quoted(word)) is not known: there are \(known)"
    }
  }
}
