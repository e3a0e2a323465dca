import Scheduling
import Testing

@Suite
struct CronErrorTests {
  private static let form = "an expression has five, minute, hour, day, month and weekday, such as 30 2 * * mon-fri"

  @Test(arguments: [
    ("", "The expression is empty: \(form)."),
    (" \t", "The expression is empty: \(form)."),
    ("5", "The expression has 1 field: \(form)."),
    ("* * * *", "The expression has 4 fields: \(form)."),
    ("* * * * *\n* * * * *", "The expression has 9 fields: \(form)."),
    (
      "*/20 * * * * *",
      "The expression has 6 fields: \(form). "
        + "Seconds and years are refused, because programs disagree on which field they are."
    ),
    (
      "0 0 12 * * ? 2027",
      "The expression has 7 fields: \(form). "
        + "Seconds and years are refused, because programs disagree on which field they are."
    ),
    ("@every 5m", "@every is not supported: give an interval in place of the expression."),
    ("@reboot", "@reboot is not supported: a schedule has times."),
    (
      "@noon",
      #""@noon" is not known: there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually."#
    ),
    (
      "@daily 5",
      #""@daily 5" is not known: there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually."#
    ),
  ])
  func `A wrong number of fields and an unknown word are named`(text: String, sentence: String) {
    #expect(refusal(of: text)?.description == sentence)
  }

  @Test(arguments: [
    ("60 * * * *", #"In the field minute, "60" is out of range: 0 to 59."#),
    ("0 24 * * *", #"In the field hour, "24" is out of range: 0 to 23."#),
    ("0 0 0 * *", #"In the field day, "0" is out of range: 1 to 31."#),
    ("0 0 32 * *", #"In the field day, "32" is out of range: 1 to 31."#),
    ("0 0 1 13 *", #"In the field month, "13" is out of range: 1 to 12, or jan to dec."#),
    ("0 0 * * 8", #"In the field weekday, "8" is out of range: 0 to 7, or sun to sat; 0 and 7 are Sunday."#),
    ("0-60 * * * *", #"In the field minute, "60" is out of range: 0 to 59."#),
    ("99999999999999999999 * * * *", #"In the field minute, "99999999999999999999" is out of range: 0 to 59."#),
    ("foo * * * *", #"In the field minute, "foo" is no value: 0 to 59."#),
    ("0 0 * monday *", #"In the field month, "monday" is no value: 1 to 12, or jan to dec."#),
    ("0 0 * * monday", #"In the field weekday, "monday" is no value: 0 to 7, or sun to sat; 0 and 7 are Sunday."#),
    ("+5 * * * *", #"In the field minute, "+5" is no value: 0 to 59."#),
    ("1.5 * * * *", #"In the field minute, "1.5" is no value: 0 to 59."#),
    ("٣ * * * *", #"In the field minute, "٣" is no value: 0 to 59."#),
    ("** * * * *", #"In the field minute, "**" is no value: 0 to 59."#),
    ("*-5 * * * *", #"In the field minute, "*-5" is no value: 0 to 59."#),
    ("1-2-3 * * * *", #"In the field minute, "1-2-3" is no value: 0 to 59."#),
    ("*/5/5 * * * *", #"In the field minute, "*/5/5" is no value: 0 to 59."#),
    ("*/x * * * *", #"In the field minute, "*/x" is no value: 0 to 59."#),
    ("H * * * *", #"In the field minute, "H" is no value: 0 to 59."#),
    ("1\n * * * *", #"In the field minute, "1�" is no value: 0 to 59."#),
    ("1,,2 * * * *", #"In the field minute, a value is missing in "1,,2"."#),
    (", * * * *", #"In the field minute, a value is missing in ","."#),
    ("-5 * * * *", #"In the field minute, a value is missing in "-5"."#),
    ("5- * * * *", #"In the field minute, a value is missing in "5-"."#),
    ("/5 * * * *", #"In the field minute, a value is missing in "/5"."#),
    ("*/ * * * *", #"In the field minute, a value is missing in "*/"."#),
  ])
  func `A value that is none is named, with the field and its range`(text: String, sentence: String) {
    #expect(refusal(of: text)?.description == sentence)
  }

  @Test(arguments: [
    ("59-1 * * * *", #"In the field minute, the range "59-1" goes backwards: write 59,0-1."#),
    ("0 22-5 * * *", #"In the field hour, the range "22-5" goes backwards: write 22-23,0-5."#),
    ("0 0 * nov-feb *", #"In the field month, the range "nov-feb" goes backwards: write 11-12,1-2."#),
    ("0 0 * * fri-mon", #"In the field weekday, the range "fri-mon" goes backwards: write 5-6,0-1."#),
    ("0 0 * * 5-0", #"In the field weekday, the range "5-0" goes backwards: write 5-6,0."#),
    ("0 0 * * 7-2", #"In the field weekday, the range "7-2" goes backwards: write 0-2."#),
    ("*/0 * * * *", #"In the field minute, the step of "*/0" is 0: it is 1 or more."#),
    (
      "*/61 * * * *",
      #"In the field minute, the step of "*/61" leaves out all but the first of 60 values: it is 1 to 60."#
    ),
    (
      "0 */25 * * *",
      #"In the field hour, the step of "*/25" leaves out all but the first of 24 values: it is 1 to 24."#
    ),
    (
      "10-20/15 * * * *",
      #"In the field minute, the step of "10-20/15" leaves out all but the first of 11 values: it is 1 to 11."#
    ),
    (
      "50/15 * * * *",
      #"In the field minute, the step of "50/15" leaves out all but the first of 10 values: it is 1 to 10."#
    ),
    ("0 0 * * MON#2", #"In the field weekday, "MON#2" is not supported: a weekday is one of every week."#),
    ("0 0 * * 1#2", #"In the field weekday, "1#2" is not supported: a weekday is one of every week."#),
    (
      "0 0 L * *",
      #"In the field day, "L" is not supported: there is no notation for the last day; 28 is in every month."#
    ),
    (
      "0 0 L-3 * *",
      #"In the field day, "L-3" is not supported: there is no notation for the last day; 28 is in every month."#
    ),
    (
      "0 0 lw * *",
      #"In the field day, "lw" is not supported: there is no notation for the last day; 28 is in every month."#
    ),
    (
      "0 0 * * 5L",
      #"In the field weekday, "5L" is not supported: there is no notation for the last day; 28 is in every month."#
    ),
    (
      "0 0 * * friL",
      #"In the field weekday, "friL" is not supported: there is no notation for the last day; 28 is in every month."#
    ),
    (
      "0 0 15W * *",
      #"In the field day, "15W" is not supported: there is no notation for the nearest working day; write a number."#
    ),
    ("0 0 ? * 1", #"In the field day, "?" is not supported: write *."#),
    ("0~59 * * * *", #"In the field minute, "0~59" is not supported: random values are not drawn; write a number."#),
  ])
  func `What other programs understand differently is refused, with what to write`(text: String, sentence: String) {
    #expect(refusal(of: text)?.description == sentence)
  }

  @Test func `A long text is refused, and a long word is shortened in the sentence`() {
    #expect(refusal(of: String(repeating: "1,", count: 501))?.problem == .tooLong(limit: 1_000))
    let word = String(repeating: "é", count: 400)
    let error = refusal(of: "* \(word) * * *")
    #expect(error == CronError(.unknownValue, in: .hour, word: word))
    #expect((error?.description.utf8.count ?? .max) < 200)
  }
}
